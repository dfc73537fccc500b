// Package layout holds the house to its plan: which package may import which,
// that each says what it is for, and that no function is too long to read. It
// has only tests, and is part of no flow.
package layout
