package values_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/belay-sh/belay/render/values"
)

func TestFilesOfMoreValuesThanAnyoneMeansAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		text    string
		refused bool
	}{
		"many keys":             {strings.Repeat("k: 1\n", 100_001), true},
		"a long list":           {"a:\n" + strings.Repeat("- 1\n", 100_001), true},
		"a list in one line":    {"a: [" + strings.Repeat("1,", 100_001) + "1]\n", true},
		"lists in lists":        {"a: " + strings.Repeat("[", 100_001), true},
		"items in items":        {strings.Repeat("- ", 100_001) + "a\n", true},
		"quotes that never end": {"a: \"" + strings.Repeat(",", 100_001), true},
		"a long text":           {"a: |\n" + strings.Repeat("  x, [y], {z}\n\n", 100_001), false},
		"a folded text":         {"- >-2 # why\n" + strings.Repeat("   - x, y\n", 100_001) + "- b\n", false},
		"a quoted text":         {"a: '" + strings.Repeat(",", 200_001) + "'\nb: \"" + strings.Repeat("\\\",", 200_001) + "\"\n", false},
		"comments":              {strings.Repeat("  # a: b\n", 200_001), false},
		"what people write":     {strings.Repeat("a: {b: [1, 2], c: 'd'}\n", 10_000), false},
	} {
		t.Run(name, func(t *testing.T) {
			err := values.Bounded([]byte(c.text))
			if (err != nil) != c.refused {
				t.Error(err)
			}
			if c.refused && fmt.Sprint(err) != "it holds more than 100000 values" {
				t.Error(err)
			}
		})
	}
}
