package addons

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	listersv1 "k8s.io/client-go/listers/storage/v1"
)

const (
	provisionerName = "playground.belay.sh/disk"
	// The volume controller asks an external provisioner by this annotation, of a class that waits for its first consumer not before the
	// scheduler has chosen a node.
	askedAnnotation = "volume.kubernetes.io/storage-provisioner"
	doneAnnotation  = "pv.kubernetes.io/provisioned-by"
)

// provisioner makes, grows and removes volumes.
type provisioner struct {
	client  kubernetes.Interface
	classes listersv1.StorageClassLister
}

// createStorageClasses makes "standard", the default, which waits for its first consumer, and "immediate", which does not.
func createStorageClasses(ctx context.Context, client kubernetes.Interface) error {
	for name, mode := range map[string]storagev1.VolumeBindingMode{
		"standard": storagev1.VolumeBindingWaitForFirstConsumer, "immediate": storagev1.VolumeBindingImmediate,
	} {
		class := &storagev1.StorageClass{
			ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: provisionerName,
			VolumeBindingMode: &mode, AllowVolumeExpansion: new(true), ReclaimPolicy: new(corev1.PersistentVolumeReclaimDelete),
		}
		if name == "standard" {
			class.Annotations = map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}
		}
		_, err := client.StorageV1().StorageClasses().Create(ctx, class, metav1.CreateOptions{})
		if ignoreExisting(err) != nil {
			return fmt.Errorf("creating storage class %s: %w", name, err)
		}
	}
	return nil
}

// claim makes the volume that a claim asks for, or lets a bound one grow.
func (p *provisioner) claim(ctx context.Context, _ string, claim *corev1.PersistentVolumeClaim) error {
	switch {
	case claim == nil || claim.Annotations[askedAnnotation] != provisionerName || claim.DeletionTimestamp != nil:
		return nil
	case claim.Spec.VolumeName != "":
		return p.grow(ctx, claim)
	case claim.Spec.StorageClassName == nil:
		return nil
	}
	class, err := p.classes.Get(*claim.Spec.StorageClassName)
	if err != nil {
		return fmt.Errorf("reading storage class: %w", err)
	}
	volume := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: "pvc-" + string(claim.UID), Annotations: map[string]string{doneAnnotation: provisionerName}},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:    corev1.ResourceList{corev1.ResourceStorage: claim.Spec.Resources.Requests[corev1.ResourceStorage]},
			AccessModes: claim.Spec.AccessModes, VolumeMode: claim.Spec.VolumeMode, StorageClassName: class.Name, ClaimRef: objectReference(claim),
			PersistentVolumeReclaimPolicy: *class.ReclaimPolicy,
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				HostPath: &corev1.HostPathVolumeSource{Path: "/var/lib/playground/pvc-" + string(claim.UID)},
			},
		},
	}
	_, err = p.client.CoreV1().PersistentVolumes().Create(ctx, volume, metav1.CreateOptions{})
	return ignoreExisting(err)
}

// grow gives a bound claim the size it asks for.
func (p *provisioner) grow(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	want, have := claim.Spec.Resources.Requests[corev1.ResourceStorage], claim.Status.Capacity[corev1.ResourceStorage]
	if claim.Status.Phase != corev1.ClaimBound || want.Cmp(have) <= 0 {
		return nil
	}
	volume, err := p.client.CoreV1().PersistentVolumes().Get(ctx, claim.Spec.VolumeName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	volume.Spec.Capacity[corev1.ResourceStorage] = want
	if _, err := p.client.CoreV1().PersistentVolumes().Update(ctx, volume, metav1.UpdateOptions{}); err != nil {
		return err
	}
	claim = claim.DeepCopy()
	claim.Status.Capacity[corev1.ResourceStorage] = want
	_, err = p.client.CoreV1().PersistentVolumeClaims(claim.Namespace).UpdateStatus(ctx, claim, metav1.UpdateOptions{})
	return err
}

// volume removes a volume whose claim is gone.
func (p *provisioner) volume(ctx context.Context, name string, volume *corev1.PersistentVolume) error {
	if volume == nil || volume.Annotations[doneAnnotation] != provisionerName || volume.Status.Phase != corev1.VolumeReleased ||
		volume.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete || volume.DeletionTimestamp != nil {
		return nil
	}
	return p.client.CoreV1().PersistentVolumes().Delete(ctx, name, metav1.DeleteOptions{})
}
