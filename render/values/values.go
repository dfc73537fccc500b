// Package values merges the layers of values that templates read: the bundle's
// defaults, the environment's files, then -f and --set in the order given. It
// is pure; render calls it.
package values

// Kind says how a layer was given.
type Kind string

// The kinds of layers.
const (
	File      Kind = "--values"
	Set       Kind = "--set"
	SetString Kind = "--set-string"
	SetJSON   Kind = "--set-json"
	SetFile   Kind = "--set-file"
)

// Layer is one layer of values as the user gave it.
type Layer struct {
	Kind Kind
	// Name is the file's name, or the text of the flag.
	Name string
	// Data is the content of the file: YAML for File, the raw value for SetFile.
	Data []byte
}
