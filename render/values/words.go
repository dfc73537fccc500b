package values

import (
	"regexp"
	"strings"
	"sync"
)

// marks are where a validator's message stops quoting the value, which may be a
// password, by the keyword that it begins with.
var marks = map[string]string{
	"type": ` has type "`, "enum": " does not equal any of: ", "const": " does not equal ", "multipleOf": " is not a multiple of ",
	"minimum": " is less than ", "maximum": " is greater than ", "exclusiveMinimum": " is less than ", "exclusiveMaximum": " is greater than ",
	"minLength": ", fewer than ", "maxLength": ", more than ", "pattern": " does not match regular expression ",
}

// zeros are the decimals of whole numbers that the validator writes.
var zeros = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(\.\d*?)0+$`) })

// plainly says what is wrong without the value itself.
func plainly(text string) string {
	keyword, rest, ok := strings.Cut(text, ": ")
	mark := marks[keyword]
	at := strings.LastIndex(rest, mark)
	switch {
	case !ok:
		return text
	case keyword == "anyOf" || keyword == "oneOf" || keyword == "not" || keyword == "contains":
		if !strings.HasPrefix(rest, "validated against") || keyword == "not" {
			return "it does not fit what the schema says under " + keyword
		}
		return "it fits more than one of what the schema says under " + keyword
	case mark == "":
		return rest
	case at < 0:
		return "it does not fit what the schema says under " + keyword
	}
	rest = rest[at+len(mark):]
	switch keyword {
	case "type":
		is, want, _ := strings.Cut(rest, `", want `)
		return "it is of type " + is + "; the schema wants " + strings.ReplaceAll(want, `"`, "")
	case "minLength":
		return "it is shorter than " + strings.TrimSpace(rest) + " characters"
	case "maxLength":
		return "it is longer than " + strings.TrimSpace(rest) + " characters"
	case "pattern":
		return "it does not match " + rest
	case "enum":
		return "it is none of " + rest
	}
	rest = strings.TrimSuffix(zeros().ReplaceAllString(rest, "$1"), ".")
	return "it" + mark + rest
}
