package release

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render"
)

// noise is base64 text of n random bytes: it does not compress.
func noise(n int) string {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return base64.StdEncoding.EncodeToString(b)
}

func TestEveryFieldOfAnEntryIsKept(t *testing.T) {
	for i := range reflect.TypeFor[Owned]().NumField() {
		var o Owned
		f := reflect.ValueOf(&o).Elem().Field(i)
		switch f.Kind() {
		case reflect.String:
			f.SetString("x")
		case reflect.Uint64:
			f.SetUint(1 << 63)
		case reflect.Bool:
			f.SetBool(true)
		default:
			t.Fatalf("%s: the encoding knows no %s", reflect.TypeFor[Owned]().Field(i).Name, f.Kind())
		}
		want := map[object.ID]Owned{{Kind: "ConfigMap", Name: "a"}: o}
		got, err := decodeInventory(join(encodeInventory(want)))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", reflect.TypeFor[Owned]().Field(i).Name, d)
		}
	}
}

func TestWhatALaterVersionAppendsToAnEntryIsSkipped(t *testing.T) {
	id := object.ID{Kind: "A", Name: "a"}
	entry := append(appendEntry(nil, id, Owned{UID: "u"}), "more"...)
	got, err := decodeInventory(append([]byte{byte(len(entry))}, entry...))
	if err != nil || got[id].UID != "u" {
		t.Errorf("%v, %v", got, err)
	}
}

func FuzzInventory(f *testing.F) {
	f.Add("apps", "Deployment", "shop", "front", "7d9c4ab1-0000-4000-8000-000000000001", "v1", uint64(1), uint64(2), uint64(3), byte(7))
	f.Add("", "", "", "", "7D9C4AB1-0000-4000-8000-000000000001", "", uint64(0), uint64(0), uint64(0), byte(0))
	f.Fuzz(func(t *testing.T, group, kind, namespace, name, uid, version string, manifest, live, schema uint64, flags byte) {
		want := map[object.ID]Owned{
			{Group: group, Kind: kind, Namespace: namespace, Name: name}: {
				UID: types.UID(uid), Version: version, Manifest: manifest, Live: live, Schema: schema,
				Done: flags&1 != 0, Kept: flags&2 != 0, Shared: flags&4 != 0, Going: flags&8 != 0,
			},
			{Kind: "other"}: {},
		}
		got, err := decodeInventory(join(encodeInventory(want)))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
}

func FuzzDecodeInventory(f *testing.F) {
	f.Add(join(encodeInventory(map[object.ID]Owned{{Kind: "A", Name: "a"}: {UID: "7d9c4ab1-0000-4000-8000-000000000001"}})))
	f.Fuzz(func(t *testing.T, raw []byte) {
		inventory, err := decodeInventory(raw)
		if err != nil {
			return
		}
		again, err := decodeInventory(join(encodeInventory(inventory)))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(inventory, again); d != "" {
			t.Error(d)
		}
	})
}

func FuzzContent(f *testing.F) {
	f.Add("note\n", `{"a":1,"b":[1.5,null,"x"],"c":9007199254740993}`, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"items":[]}`)
	f.Fuzz(func(t *testing.T, notes, values, body string) {
		w, err := decodeContent([]byte(fmt.Sprintf("{\"values\":%s}\n{\"body\":%s}\n", values, body)))
		if err != nil {
			t.Skip()
		}
		w.Notes = strings.ToValidUTF8(notes, "?")
		items, _, err := encodeContent(w)
		if err != nil {
			t.Fatal(err)
		}
		pieces, err := makePieces("key", items, contentSmall, contentLarge)
		if err != nil {
			t.Fatal(err)
		}
		var raw []byte
		for _, p := range pieces {
			raw = append(raw, p.raw...)
		}
		got, err := decodeContent(raw)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(w, got); d != "" {
			t.Error(d)
		}
	})
}

func TestALineIsWrittenAsItIsRead(t *testing.T) {
	w := wanted(3, "a < b & c\u2028")
	w.Objects[1].Source = object.Source{File: "a <b>.yaml", Line: 7, Via: "--set x=1"}
	w.Objects[2].Source = object.Source{}
	items, bodies, err := encodeContent(w)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range w.Objects {
		want, err := encodeLine(line{Source: o.Source, Body: o.Body.Object})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), string(items[i+1].data)); d != "" {
			t.Error(d)
		}
		body, err := encodeLine(o.Body.Object)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(body), string(bodies[i])); d != "" {
			t.Error(d)
		}
	}
}

func FuzzPieces(f *testing.F) {
	f.Add(uint64(1), uint16(300), uint16(1000), uint16(5000))
	f.Fuzz(func(t *testing.T, seed uint64, n, small, large uint16) {
		r := rand.New(rand.NewPCG(seed, seed))
		items := make([]item, n%2000)
		for i := range items {
			items[i] = item{data: []byte(strings.Repeat("x", r.IntN(200))), mark: r.Uint64()}
		}
		pieces := cut(items, int(small), int(large))
		if !slices.Equal(slices.Concat(pieces...), join(items)) {
			t.Error("pieces do not make the whole")
		}
		for _, p := range pieces {
			if len(p) == 0 || len(p) > max(int(large), 200) {
				t.Errorf("a piece of %d bytes", len(p))
			}
		}
	})
}

func TestMostPiecesStayWhenAnObjectComesOrGoes(t *testing.T) {
	encode := func(w *render.Wanted) []string {
		items, _, err := encodeContent(w)
		if err != nil {
			t.Fatal(err)
		}
		pieces, err := makePieces("key", items, contentSmall, contentLarge)
		if err != nil {
			t.Fatal(err)
		}
		return digests(pieces)
	}
	w := wanted(20000, "some text that makes the objects as large as objects are")
	before := encode(w)
	w.Objects = slices.Delete(w.Objects, 9000, 9001)
	common := 0
	for _, digest := range encode(w) {
		if slices.Contains(before, digest) {
			common++
		}
	}
	if len(before) < 8 || common < len(before)-3 {
		t.Errorf("%d of %d pieces stayed", common, len(before))
	}
}

func TestWhatANewerBelayWroteIsKept(t *testing.T) {
	text := `{"format":1,"nonce":"n","key":"k","later":{"a":1},"lock":null,` +
		`"revisions":[{"number":1,"status":"deployed","when":"2026-01-01T00:00:00Z","origin":{},"counts":{},"approved":"yes"}]}`
	h, err := decodeHead([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	h.Revisions = append(h.Revisions, Revision{Number: 2})
	h.Lock = &Holder{By: "alice"}
	data, err := h.encode()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Later     map[string]int
		Lock      Holder
		Revisions []map[string]any
	}
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if got.Later["a"] != 1 || got.Lock.By != "alice" || got.Revisions[0]["approved"] != "yes" || len(got.Revisions[1]) == 0 {
		t.Errorf("%s", data)
	}
}

func TestRecordsOfANewerFormatAreRefused(t *testing.T) {
	_, err := decodeHead([]byte(`{"format":2,"revisions":"all new"}`))
	if err == nil || !strings.Contains(err.Error(), "newer belay") {
		t.Errorf("got %v", err)
	}
}

func TestServerMessagesThatMayEchoContentAreMasked(t *testing.T) {
	leak := apierrors.NewInvalid(schema.GroupKind{Kind: "Secret"}, "belay.shop", field.ErrorList{
		field.Invalid(field.NewPath("data", "head"), "hunter2", "is bad"),
	})
	err := mask(leak)
	if strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "data") {
		t.Errorf("got %q", err)
	}
	if !apierrors.IsInvalid(err) {
		t.Error("the reason is lost")
	}
}
