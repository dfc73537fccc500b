package render

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// Letters that the classes of an expression stand for.
const (
	lower   = "abcdefghijklmnopqrstuvwxyz"
	upper   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
	symbols = "~!@#$%^&*()-_+={}[]\\|<,>.?/\"';:`"
)

var (
	// class is a set of letters and how many of them: [a-z0-9]{8}, [\w]{20}, \d{2}.
	class   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?:\[([^\]]+)\]|(\\[wdaA]))\{([0-9]+)\}`) })
	letters = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\\[wdaA]|.-.|.`) })
)

// fromExpression makes a text as an OpenShift parameter describes it:
// "user[0-9]{3}". What is no class stays as it is.
func fromExpression(from string, entropy io.Reader) (string, error) {
	if entropy == nil {
		return "", errors.New("it needs a random value, and there is no source of them")
	}
	var mistake error
	text := class().ReplaceAllStringFunc(from, func(found string) string {
		m := class().FindStringSubmatch(found)
		set, err := alphabet(m[1] + m[2])
		count, _ := strconv.Atoi(m[3]) // digits only; what is too long for a number is too long
		if err == nil && (count < 1 || count > 255) {
			err = fmt.Errorf("%s: a length from 1 to 255 is expected", found)
		}
		var made string
		if err == nil {
			made, err = choose(set, count, entropy)
		}
		mistake = errors.Join(mistake, err)
		return made
	})
	return text, mistake
}

// alphabet lists the letters of a class.
func alphabet(text string) (string, error) {
	var set strings.Builder
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return "", fmt.Errorf("[%s]: only printable ASCII characters can be chosen from", text)
		}
	}
	for _, part := range letters().FindAllString(text, -1) {
		switch {
		case part == `\w`:
			set.WriteString(lower + upper + digits + "_")
		case part == `\d`:
			set.WriteString(digits)
		case part == `\a`:
			set.WriteString(lower + upper + digits)
		case part == `\A`:
			set.WriteString(symbols)
		case len(part) == 3 && part[1] == '-':
			if part[0] > part[2] {
				return "", fmt.Errorf("the range %s is backwards", part)
			}
			for c := int(part[0]); c <= int(part[2]); c++ {
				set.WriteByte(byte(c))
			}
		default:
			set.WriteString(part)
		}
	}
	if set.Len() > 256 {
		return "", fmt.Errorf("[%s]: more than 256 letters to choose from", text)
	}
	return set.String(), nil
}

// choose picks letters, each as likely as any other.
func choose(set string, count int, entropy io.Reader) (string, error) {
	limit := 256 - 256%len(set)
	made := make([]byte, 0, count)
	one := make([]byte, 1)
	for len(made) < count {
		if _, err := io.ReadFull(entropy, one); err != nil {
			return "", fmt.Errorf("reading random bytes: %w", err)
		}
		if int(one[0]) < limit {
			made = append(made, set[int(one[0])%len(set)])
		}
	}
	return string(made), nil
}
