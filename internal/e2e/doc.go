// Package e2e tests the real binary against a real control plane. Every run of
// belay goes through a proxy of its own (internal/e2e/proxy), and what must
// always hold is checked after every run, in every test: reading writes nothing,
// a refused run wrote nothing, after an apply the next diff is empty and a second
// apply changes nothing, and no registered secret is ever printed.
//
// The control plane is bin/playground, built by make and started once, when the
// first test asks for it. It ends with this process, however that ends.
package e2e
