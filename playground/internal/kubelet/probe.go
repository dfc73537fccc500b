package kubelet

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func probePeriod(probe *corev1.Probe) time.Duration {
	return time.Duration(max(probe.PeriodSeconds, 1)) * time.Second
}

// firstProbe is how long after its start a container is probed first.
func firstProbe(probe *corev1.Probe) time.Duration {
	return time.Duration(probe.InitialDelaySeconds)*time.Second + probePeriod(probe)
}

// probeFailure is what a kubelet says of a probe that nobody answers.
func probeFailure(probe *corev1.Probe, kind, ip string) string {
	reason := "command exited with code 1"
	switch {
	case probe.HTTPGet != nil:
		reason = "HTTP probe failed with statuscode: 503"
	case probe.TCPSocket != nil:
		reason = fmt.Sprintf("dial tcp %s:%s: connect: connection refused", ip, probe.TCPSocket.Port.String())
	case probe.GRPC != nil:
		reason = "service unhealthy (responded with \"NOT_SERVING\")"
	}
	return kind + " probe failed: " + reason
}
