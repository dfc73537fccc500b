package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/belay-sh/belay/internal/object"
)

// cacheLife bounds the age of what a file says, for what the index of schemas
// cannot tell: which version of a group is preferred.
const cacheLife = 10 * time.Minute

// kept is what is known of a server's kinds, in a file. It holds as long as the
// server's index of schemas is the one that it was read with: the index changes
// with every kind that comes, goes or changes.
type kept struct {
	// Format is the version of the file.
	Format   int
	At       time.Time
	Index    string
	Versions map[string][]string
	Kinds    []object.Kind
	Read     []schema.GroupVersion
}

const keptFormat = 1

// cacheName is the name of a server's file: of its address and its CA, so that two
// clusters behind one name do not share it.
func cacheName(base string, cfg *rest.Config) string {
	sum := sha256.New()
	for _, part := range []string{base, cfg.ServerName, cfg.CAFile, string(cfg.CAData)} {
		fmt.Fprintf(sum, "%d %s\n", len(part), part)
	}
	return hex.EncodeToString(sum.Sum(nil)[:16]) + ".json"
}

func (c *Client) cacheFile() string { return filepath.Join(c.CacheDir, c.cacheName) }

// recall takes what a file says for true, if it is of the schemas of that index.
func (c *Client) recall(index map[string]string) bool {
	data, err := os.ReadFile(c.cacheFile())
	if err != nil {
		return false
	}
	var k kept
	age := time.Duration(0)
	if json.Unmarshal(data, &k) == nil {
		age = time.Since(k.At)
	}
	if k.Format != keptFormat || k.Index != digestOf(index) || age < 0 || age > cacheLife {
		return false
	}
	d := &c.discovery
	d.reset()
	d.versions = k.Versions
	for _, kind := range k.Kinds {
		d.kinds[kind.GroupVersionKind] = kind
	}
	for _, gv := range k.Read {
		d.read[gv] = true
	}
	d.recalled = true
	return true
}

// keep writes what is known to the file: whole, or not at all. That it cannot be
// written costs time the next time, and nothing else.
func (c *Client) keep(index map[string]string) {
	d := &c.discovery
	k := kept{Format: keptFormat, At: time.Now(), Index: digestOf(index), Versions: d.versions}
	for _, kind := range d.kinds {
		k.Kinds = append(k.Kinds, kind)
	}
	for gv, read := range d.read {
		if read {
			k.Read = append(k.Read, gv)
		}
	}
	data, err := json.Marshal(k)
	if err != nil || os.MkdirAll(c.CacheDir, 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(c.CacheDir, ".new-*")
	if err != nil {
		return
	}
	_, err = f.Write(data)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), c.cacheFile())
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
}

// forget drops the file: what it says was seen to be wrong.
func (c *Client) forget(ctx context.Context) {
	d := &c.discovery
	if d.lock(ctx) != nil {
		return
	}
	defer d.unlock()
	if d.recalled {
		d.recalled = false
		_ = os.Remove(c.cacheFile())
	}
}

func digestOf(index map[string]string) string {
	sum := sha256.New()
	for _, gv := range slices.Sorted(maps.Keys(index)) {
		fmt.Fprintf(sum, "%s %s\n", gv, index[gv])
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// index reads the keys of all schemas; nil where the server does not tell.
func (c *Client) index(ctx context.Context) (map[string]string, error) {
	a, err := c.do(ctx, request{method: http.MethodGet, path: "/openapi/v3"})
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return indexOf(a)
}

// refresh reads what is served, from the file where it still holds.
func (c *Client) refresh(ctx context.Context) error {
	d := &c.discovery
	if _, err := os.Stat(c.cacheFile()); err == nil {
		index, err := c.index(ctx)
		if err != nil {
			return err
		}
		d.index = index
		if len(index) > 0 && c.recall(index) {
			return nil
		}
		if err := c.readAllGroups(ctx); err != nil {
			return err
		}
		if len(index) > 0 {
			c.keep(index)
		}
		return nil
	}
	type indexed struct {
		keys map[string]string
		err  error
	}
	got := make(chan indexed, 1)
	go func() {
		keys, err := c.index(ctx)
		got <- indexed{keys, err}
	}()
	err := c.readAllGroups(ctx)
	index := <-got
	if err != nil {
		return err
	}
	if index.err != nil {
		return index.err
	}
	if d.index = index.keys; len(d.index) > 0 {
		c.keep(d.index)
	}
	return nil
}

// takeIndex returns the index that was read to see whether the file holds, once:
// who asks again wants to know of now.
func (c *Client) takeIndex(ctx context.Context) (map[string]string, error) {
	d := &c.discovery
	if err := d.lock(ctx); err != nil {
		return nil, err
	}
	defer d.unlock()
	index := d.index
	d.index = nil
	return index, nil
}
