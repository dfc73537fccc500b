package overlay

import (
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
)

// spec says where kustomize looks for something in objects of a kind: a path,
// whether it is made where it is missing, and the kinds, "group/kind" or a kind
// of any group. The tests hold what is here against kustomize's own tables.
func spec(path string, create bool, kinds ...string) []types.FieldSpec {
	var all []types.FieldSpec
	for _, kind := range kinds {
		group, name, grouped := strings.Cut(kind, "/")
		if !grouped {
			group, name = "", kind
		}
		version := ""
		if name == "ReplicationController" && path != "spec/replicas" {
			version = "v1"
		}
		all = append(all, types.FieldSpec{
			Gvk: resid.Gvk{Group: group, Version: version, Kind: name}, Path: path, CreateIfNotPresent: create,
		})
	}
	return all
}

// namespaceSpecs are the fields beside metadata.namespace that name the
// namespace of a kustomization.
func namespaceSpecs() types.FsSlice {
	return slices.Concat(
		spec("metadata/name", true, "Namespace"),
		spec("spec/service/namespace", true, "apiregistration.k8s.io/APIService"),
		spec("spec/conversion/webhook/clientConfig/service/namespace", false, "apiextensions.k8s.io/CustomResourceDefinition"),
	)
}

// templateSpecs are the metadata of what workloads are templates of.
func templateSpecs(field string) types.FsSlice {
	set := "apps/StatefulSet"
	if field == "annotations" {
		set = "StatefulSet"
	}
	return slices.Concat(
		spec("metadata/"+field, true, ""),
		spec("spec/template/metadata/"+field, true, "ReplicationController", "Deployment", "ReplicaSet", "DaemonSet", set, "batch/Job"),
		spec("spec/jobTemplate/metadata/"+field, true, "batch/CronJob"),
		spec("spec/jobTemplate/spec/template/metadata/"+field, true, "batch/CronJob"),
	)
}

func claimSpecs() types.FsSlice {
	return spec("spec/volumeClaimTemplates[]/metadata/labels", true, "apps/StatefulSet")
}

func imageSpecs() types.FsSlice {
	var all types.FsSlice
	for _, path := range []string{
		"spec/containers[]/image", "spec/initContainers[]/image", "spec/volumes[]/image/reference",
		"spec/template/spec/containers[]/image", "spec/template/spec/initContainers[]/image",
		"spec/template/spec/volumes[]/image/reference", "spec/jobTemplate/spec/template/spec/volumes[]/image/reference",
	} {
		all = append(all, spec(path, true, "")...)
	}
	return all
}

func replicaSpecs() types.FsSlice {
	return spec("spec/replicas", true, "Deployment", "ReplicationController", "ReplicaSet", "StatefulSet")
}

// labelSpecs are the fields that an entry of labels sets; ok is false for those
// that contradict each other.
func labelSpecs(l types.Label) (specs types.FsSlice, ok bool) {
	specs = types.FsSlice(l.FieldSpecs).DeepCopy()
	var err error
	if l.IncludeSelectors {
		specs, err = specs.MergeAll(selectorSpecs())
		return specs, err == nil
	}
	if l.IncludeTemplates {
		if specs, err = specs.MergeAll(templateSpecs("labels")); err != nil {
			return nil, false
		}
	}
	if l.IncludeVolumeClaimTemplates {
		if specs, err = specs.MergeAll(claimSpecs()); err != nil {
			return nil, false
		}
	}
	specs, err = specs.MergeOne(types.FieldSpec{Path: "metadata/labels", CreateIfNotPresent: true})
	return specs, err == nil
}
