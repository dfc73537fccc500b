package object

import "slices"

// naturalKeys sorts keys as the YAML encoder does: letters before what is no
// letter behind a digit and after it elsewhere, runs of digits by their value.
func naturalKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int {
		switch {
		case a == b:
			return 0
		case naturallyLess(a, b):
			return -1
		}
		return 1
	})
	return keys
}

func naturallyLess(a, b string) bool {
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	if at == len(a) || at == len(b) {
		return len(a) < len(b)
	}
	letterA, letterB := isLetter(a[at]), isLetter(b[at])
	switch {
	case letterA && letterB:
		return a[at] < b[at]
	case letterA || letterB:
		if at > 0 && isDigit(a[at-1]) {
			return letterA
		}
		return letterB
	}
	lead := int64(0)
	if a[at] == '0' || b[at] == '0' { // zeros count when they are within a number
		for i := at - 1; i >= 0 && isDigit(a[i]); i-- {
			if a[i] != '0' {
				lead = 1
				break
			}
		}
	}
	numberA, endA := numberFrom(lead, a, at)
	numberB, endB := numberFrom(lead, b, at)
	switch {
	case numberA != numberB:
		return numberA < numberB
	case endA != endB:
		return endA < endB
	}
	return a[at] < b[at]
}

func numberFrom(lead int64, text string, at int) (int64, int) {
	for ; at < len(text) && isDigit(text[at]); at++ {
		lead = lead*10 + int64(text[at]-'0')
	}
	return lead, at
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
