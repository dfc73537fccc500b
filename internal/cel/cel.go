// Package cel evaluates the expressions of a bundle, in the Common Expression
// Language that API servers use too. It stands beside the flow: render/bundle
// checks expressions when it reads them, rollout asks them about live objects.
package cel

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	gocel "github.com/google/cel-go/cel"
)

// maxCost bounds one evaluation, in the language's own units; a comparison of
// two fields costs a handful.
const maxCost = 1_000_000

// environment is made when the first expression is: most runs have none.
var environment = sync.OnceValues(func() (*gocel.Env, error) {
	return gocel.NewEnv(gocel.Variable("self", gocel.DynType))
})

// Expression is a question about an object, answered with yes or no. It may be
// asked by many goroutines at once.
type Expression struct {
	text    string
	program gocel.Program
}

// Compile reads an expression over self, the object. The error is the user's,
// with the column where it is wrong.
func Compile(text string) (*Expression, error) {
	env, err := environment()
	if err != nil {
		return nil, fmt.Errorf("setting up CEL: %w", err)
	}
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		var all []string
		for _, issue := range issues.Errors() {
			all = append(all, fmt.Sprintf("column %d: %s", issue.Location.Column()+1, issue.Message))
		}
		return nil, errors.New(strings.Join(all, "; "))
	}
	if t := ast.OutputType(); !t.IsExactType(gocel.BoolType) && !t.IsExactType(gocel.DynType) {
		return nil, fmt.Errorf("it gives a %s, and must say true or false", t)
	}
	program, err := env.Program(ast, gocel.CostLimit(maxCost))
	if err != nil {
		return nil, fmt.Errorf("preparing it: %w", err)
	}
	return &Expression{text: text, program: program}, nil
}

// String is the expression as it was written.
func (e *Expression) String() string { return e.text }

// Holds asks the expression about an object. A field that is not there, or of
// another type than the expression takes it for, is an error.
func (e *Expression) Holds(self map[string]any) (bool, error) {
	out, _, err := e.program.Eval(map[string]any{"self": self})
	if err != nil {
		return false, err
	}
	yes, ok := out.Value().(bool)
	if !ok {
		return false, fmt.Errorf("it gave a %s, and must say true or false", out.Type().TypeName())
	}
	return yes, nil
}
