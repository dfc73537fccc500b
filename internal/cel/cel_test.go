package cel

import "testing"

func TestHolds(t *testing.T) {
	self := map[string]any{
		"metadata": map[string]any{"generation": int64(2)},
		"status": map[string]any{
			"phase": "Running", "ready": int64(3), "share": 0.5,
			"conditions": []any{map[string]any{"type": "Up", "status": "True"}},
		},
	}
	for _, test := range []struct {
		text       string
		want, fail bool
	}{
		{"self.status.phase == 'Running'", true, false},
		{"self.status.phase == 'Error'", false, false},
		{"self.status.ready >= 3 && self.status.share < 1.0", true, false},
		{"self.status.conditions.exists(c, c.type == 'Up' && c.status == 'True')", true, false},
		{"has(self.status.missing) && self.status.missing", false, false},
		{"self.status.observedGeneration == self.metadata.generation", false, true},
		{"self.status.phase", false, true},
		{"self.status.phase > 3", false, true},
	} {
		e, err := Compile(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		got, err := e.Holds(self)
		if got != test.want || (err != nil) != test.fail {
			t.Errorf("%s: %v, %v", test.text, got, err)
		}
	}
}

func TestWhatIsWrongIsSaidWithItsPlace(t *testing.T) {
	for text, want := range map[string]string{
		"self.status.phase ==": "column 21: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}",
		"that.status":          "column 1: undeclared reference to 'that' (in container '')",
		"1 + 1":                "it gives a int, and must say true or false",
		"nothing(self)":        "column 8: undeclared reference to 'nothing' (in container '')",
	} {
		_, err := Compile(text)
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestAnEvaluationThatCostsTooMuchEnds(t *testing.T) {
	many := make([]any, 2000)
	for i := range many {
		many[i] = int64(i)
	}
	e, err := Compile("self.many.all(a, self.many.all(b, self.many.exists(c, c == a)))")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Holds(map[string]any{"many": many}); err == nil {
		t.Error("it was evaluated to its end")
	}
}
