package diff

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatOnlyTheOldPodsCanHaveIsSaid(t *testing.T) {
	workload := func(kind, name, spec, pod string) string {
		return fmt.Sprintf("{apiVersion: apps/v1, kind: %s, metadata: {name: %s}, spec: {%stemplate: {spec: {%s}}}}", kind, name, spec, pod)
	}
	const (
		port  = "containers: [{name: m, image: IMAGE, ports: [{containerPort: 80, hostPort: 8080}]}]"
		mount = "containers: [{name: m, image: IMAGE}], volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]"
	)
	claim := func(mode string) string {
		return "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, spec: {accessModes: [" + mode + "]}}"
	}
	const (
		vain  = " is held by the old pods, and the new ones start first: they may wait for it in vain (strategy Recreate, or maxSurge 0)"
		until = " is held by Deployment.apps/old, which goes only once all is ready: --prune-first deletes it first"
	)
	for name, test := range map[string]struct {
		before, after string
		options       func(*Options)
		want          []string
	}{
		"a port of the node":                {before: workload("Deployment", "d", "", port), want: []string{"host port 8080/tcp" + vain}},
		"a claim of one node":               {before: bundleOf(workload("Deployment", "d", "", mount), claim("ReadWriteOnce")), want: []string{"PersistentVolumeClaim/data" + vain}},
		"a claim of many nodes":             {before: bundleOf(workload("Deployment", "d", "", mount), claim("ReadWriteMany"))},
		"a claim that others made":          {before: workload("Deployment", "d", "", mount)},
		"the network of the node":           {before: workload("Deployment", "d", "", "hostNetwork: true, containers: [{name: m, image: IMAGE, ports: [{containerPort: 53, protocol: UDP}]}]"), want: []string{"host port 53/udp" + vain}},
		"old pods go first":                 {before: workload("Deployment", "d", "strategy: {type: Recreate}, ", port)},
		"no pods more than there were":      {before: workload("Deployment", "d", "strategy: {rollingUpdate: {maxSurge: 0}}, ", port)},
		"pods that are replaced one by one": {before: workload("StatefulSet", "d", "", port)},
		"no pods":                           {before: workload("Deployment", "d", "replicas: 0, ", port)},
		"pods stay": {
			before: workload("Deployment", "d", "", port), after: workload("Deployment", "d", "paused: true, ", port),
		},
		"a workload of another name": {
			before: workload("Deployment", "old", "", port), after: workload("Deployment", "d", "", port), want: []string{"host port 8080/tcp" + until},
		},
		"a workload of another name, the old one first": {
			before: workload("Deployment", "old", "", port), after: workload("Deployment", "d", "", port), options: func(o *Options) { o.PruneFirst = true },
		},
		"a claim that another had": {
			before: bundleOf(workload("Deployment", "old", "", mount), claim("ReadWriteOncePod")), after: bundleOf(workload("StatefulSet", "d", "", mount), claim("ReadWriteOncePod")),
			want: []string{"PersistentVolumeClaim/data" + until},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, s := deployed(t, test.before)
			if test.after == "" {
				test.after = strings.ReplaceAll(test.before, "IMAGE", "OTHER")
			}
			o := apply()
			o.MaxDelete = 1
			if test.options != nil {
				test.options(&o)
			}
			p := compute(t, w, s, test.after, o)
			var said []string
			for _, c := range p.Changes {
				for _, text := range c.Impact {
					if !strings.HasPrefix(text, "restarts ") && !strings.HasPrefix(text, "stops ") {
						said = append(said, text)
					}
				}
			}
			if d := cmp.Diff(test.want, said); d != "" {
				t.Error(d)
			}
		})
	}
}
