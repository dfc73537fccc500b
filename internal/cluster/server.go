package cluster

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Version asks the server for its version: "v1.36.3". It is also the way to ask
// whether the server can be reached.
func (c *Client) Version(ctx context.Context) (string, error) {
	a, err := c.do(ctx, request{method: http.MethodGet, path: "/version"})
	if err != nil {
		return "", err
	}
	var v struct{ GitVersion string }
	if err := a.into(&v); err != nil {
		return "", err
	}
	c.version.Store(&v.GitVersion)
	return v.GitVersion, nil
}

// OpenAPI returns the schemas of a group-version: an OpenAPI v3 document.
func (c *Client) OpenAPI(ctx context.Context, gv schema.GroupVersion) ([]byte, error) {
	path := "/openapi/v3/apis/" + gv.String()
	if gv.Group == "" {
		path = "/openapi/v3/api/" + gv.Version
	}
	a, err := c.do(ctx, request{method: http.MethodGet, path: path})
	return a.body, err
}

// Schemas returns a key per group-version (apps/v1, v1) that changes with its
// schema, and with the server's version: another one may read the same schema
// otherwise. It is empty where the server publishes none.
func (c *Client) Schemas(ctx context.Context) (map[string]string, error) {
	var version string
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		if known := c.version.Load(); known != nil {
			version = *known
			return nil
		}
		version, err = c.Version(ctx)
		return err
	})
	var index map[string]string
	g.Go(func() (err error) {
		if index, err = c.takeIndex(ctx); err == nil && index == nil {
			index, err = c.index(ctx)
		}
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	keys := make(map[string]string, len(index))
	for gv, hash := range index {
		keys[gv] = hash + " " + version
	}
	return keys, nil
}

func indexOf(a answer) (map[string]string, error) {
	var index struct {
		Paths map[string]struct{ ServerRelativeURL string }
	}
	if err := a.into(&index); err != nil {
		return nil, err
	}
	keys := make(map[string]string, len(index.Paths))
	for path, p := range index.Paths {
		gv, ok := strings.CutPrefix(path, "apis/")
		if !ok {
			gv, ok = strings.CutPrefix(path, "api/")
		}
		u, err := url.Parse(p.ServerRelativeURL)
		if !ok || err != nil || u.Query().Get("hash") == "" {
			continue
		}
		keys[gv] = u.Query().Get("hash")
	}
	return keys, nil
}
