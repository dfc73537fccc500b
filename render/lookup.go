package render

import "strings"

// lookupFrom is what answers lookup in the templates of a belay bundle. It notes
// the places that ask.
func (o *Options) lookupFrom(asked map[string]bool) func(place, apiVersion, kind, namespace, name string) (map[string]any, error) {
	return func(place, apiVersion, kind, namespace, name string) (map[string]any, error) {
		asked[place] = true
		if o.Lookup == nil {
			return map[string]any{}, nil
		}
		return o.Lookup(apiVersion, kind, namespace, name)
	}
}

// notAsked warns of places whose lookup found nothing because nobody was asked.
func (o *Options) notAsked(places []string) []Warning {
	if len(places) == 0 || o.Lookup != nil {
		return nil
	}
	return []Warning{{Message: "lookup found nothing, for no cluster is asked (--live, or --lookup-from FILE, answers it): " + strings.Join(places, ", ")}}
}
