package addons

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// balancer gives Services of type LoadBalancer addresses of 192.0.2.0/24, which is set aside for documentation.
type balancer struct {
	client kubernetes.Interface
	taken  map[string]string // address to the Service's key
}

// service gives a Service its address, or takes it back.
func (b *balancer) service(ctx context.Context, key string, service *corev1.Service) error {
	wants := service != nil && service.Spec.Type == corev1.ServiceTypeLoadBalancer && service.Spec.LoadBalancerClass == nil
	if !wants {
		b.release(key)
		if service == nil || len(service.Status.LoadBalancer.Ingress) == 0 || service.Spec.LoadBalancerClass != nil {
			return nil
		}
	}
	if wants && len(service.Status.LoadBalancer.Ingress) > 0 {
		return nil
	}
	service = service.DeepCopy()
	service.Status.LoadBalancer.Ingress = nil
	if wants {
		address, err := b.take(key)
		if err != nil {
			return err
		}
		service.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: address, IPMode: new(corev1.LoadBalancerIPModeVIP)}}
	}
	_, err := b.client.CoreV1().Services(service.Namespace).UpdateStatus(ctx, service, metav1.UpdateOptions{})
	return err
}

// take returns the address of a Service, the one it has or the first free one.
func (b *balancer) take(key string) (string, error) {
	free := ""
	for i := 254; i > 0; i-- {
		address := fmt.Sprintf("192.0.2.%d", i)
		switch b.taken[address] {
		case key:
			return address, nil
		case "":
			free = address
		}
	}
	if free == "" {
		return "", errors.New("no load balancer address is left")
	}
	b.taken[free] = key
	return free, nil
}

func (b *balancer) release(key string) {
	for address, owner := range b.taken {
		if owner == key {
			delete(b.taken, address)
		}
	}
}
