// Package conformance holds what belay makes of Helm charts against Helm
// itself, used as a library: objects, hooks and notes must be equal. It is a
// module of its own, so that the product does not depend on Helm. Nothing
// imports it.
package conformance
