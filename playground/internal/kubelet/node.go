package kubelet

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"sync/atomic"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"
)

const (
	leaseSeconds  = 40
	leaseInterval = 10 * time.Second
)

// node is one of the playground's nodes.
type node struct {
	name     string
	number   int
	ip       string // documentation address: what pods and people see
	version  string
	logPort  int32
	pods     atomic.Uint32 // how many there were: the next one's address
	recorder record.EventRecorder
}

func newNode(number int, opts Options) *node {
	n := &node{name: fmt.Sprintf("node-%d", number), number: number, ip: fmt.Sprintf("198.51.100.%d", number), version: opts.Version}
	if addr, ok := opts.Listener.Addr().(*net.TCPAddr); ok {
		n.logPort = int32(addr.Port)
	}
	return n
}

// nextIP returns an address for a pod: 10.(100+node).x.y, used again after 64,000 pods.
func (n *node) nextIP() string {
	i := (n.pods.Add(1)-1)%64000 + 2
	return fmt.Sprintf("10.%d.%d.%d", 100+n.number, i>>8, i&255)
}

// object is the node as the API shows it.
func (n *node) object() *corev1.Node {
	space := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("64"), corev1.ResourceMemory: resource.MustParse("256Gi"),
		corev1.ResourceEphemeralStorage: resource.MustParse("2Ti"), corev1.ResourcePods: resource.MustParse("1000"),
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: n.name, Labels: map[string]string{
			corev1.LabelHostname: n.name, corev1.LabelOSStable: "linux", corev1.LabelArchStable: runtime.GOARCH,
			corev1.LabelTopologyRegion: "playground", corev1.LabelTopologyZone: fmt.Sprintf("playground-%c", 'a'+(n.number-1)%3),
			corev1.LabelInstanceTypeStable: "playground.64",
		}},
		Spec: corev1.NodeSpec{
			PodCIDR: fmt.Sprintf("10.%d.0.0/16", 100+n.number), PodCIDRs: []string{fmt.Sprintf("10.%d.0.0/16", 100+n.number)},
			ProviderID: "playground://" + n.name,
		},
		Status: corev1.NodeStatus{
			Capacity: space, Allocatable: space,
			// The API server asks for logs at the external address, which has to be a real one.
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: n.ip}, {Type: corev1.NodeExternalIP, Address: "127.0.0.1"},
				{Type: corev1.NodeHostName, Address: n.name},
			},
			DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: n.logPort}},
			Conditions:      conditions(metav1.Now()),
			NodeInfo: corev1.NodeSystemInfo{
				MachineID: n.name, SystemUUID: n.name, BootID: n.name, OperatingSystem: "linux", Architecture: runtime.GOARCH,
				OSImage: "belay playground", KernelVersion: "0.0.0", ContainerRuntimeVersion: "containerd://0.0.0-playground",
				KubeletVersion: n.version,
			},
		},
	}
}

func conditions(now metav1.Time) []corev1.NodeCondition {
	one := func(kind corev1.NodeConditionType, status corev1.ConditionStatus, reason, message string) corev1.NodeCondition {
		return corev1.NodeCondition{
			Type: kind, Status: status, Reason: reason, Message: message, LastHeartbeatTime: now, LastTransitionTime: now,
		}
	}
	return []corev1.NodeCondition{
		one(corev1.NodeMemoryPressure, corev1.ConditionFalse, "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
		one(corev1.NodeDiskPressure, corev1.ConditionFalse, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
		one(corev1.NodePIDPressure, corev1.ConditionFalse, "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
		one(corev1.NodeReady, corev1.ConditionTrue, "KubeletReady", "kubelet is posting ready status"),
	}
}

func (n *node) register(ctx context.Context, client kubernetes.Interface) error {
	_, err := client.CoreV1().Nodes().Create(ctx, n.object(), metav1.CreateOptions{})
	return err
}

// heartbeat renews the node's lease until ctx ends; without it the node lifecycle controller takes the node for dead.
func (n *node) heartbeat(ctx context.Context, client kubernetes.Interface) {
	ticker := time.NewTicker(leaseInterval)
	defer ticker.Stop()
	for {
		if err := n.renew(ctx, client); err != nil && ctx.Err() == nil {
			klog.ErrorS(err, "Renewing lease", "node", n.name)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (n *node) renew(ctx context.Context, client kubernetes.Interface) error {
	leases := client.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: n.name}}
	lease.Spec = coordinationv1.LeaseSpec{
		HolderIdentity: &n.name, LeaseDurationSeconds: new(int32(leaseSeconds)), RenewTime: &metav1.MicroTime{Time: time.Now()},
	}
	old, err := leases.Get(ctx, n.name, metav1.GetOptions{})
	if err != nil {
		_, err = leases.Create(ctx, lease, metav1.CreateOptions{})
		return err
	}
	old.Spec = lease.Spec
	_, err = leases.Update(ctx, old, metav1.UpdateOptions{})
	return err
}
