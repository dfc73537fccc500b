// Package kubelet pretends to be the kubelets of a playground's nodes: it registers nodes, renews their leases, and carries every pod
// bound to them through the life a real kubelet would give it, with the same container statuses, conditions, events and back-off times.
//
// Nothing is ever run. What a container does is decided by its image and by the pod's behavior annotation; Pod is that decision made a
// state machine, which reads no clock and calls no API, so that every transition can be tested as a table. A worker feeds one Pod with time
// and with what the API server says, and writes back what comes out.
package kubelet
