package release

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/fnv"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/belay-sh/belay/internal/object"
)

// The inventory is a sequence of entries, sorted by identity, each preceded by
// its length: a reader skips what a later version appends to an entry. UIDs and
// hashes are binary, for they do not compress.

const (
	flagDone = 1 << iota
	flagKept
	flagShared
	flagBinaryUID
	flagGoing
)

// Pieces of an inventory, before compression.
const (
	inventorySmall = 64 << 10
	inventoryLarge = 256 << 10
)

// embedMax is how large a packed inventory may be to stand in the head itself,
// so that a small release is read with one request.
const embedMax = 64 << 10

var errInventory = errors.New("the inventory is damaged")

// encodeInventory returns the entries in order.
func encodeInventory(inventory map[object.ID]Owned) []item {
	ids := slices.SortedFunc(maps.Keys(inventory), object.ID.Compare)
	items := make([]item, len(ids))
	var entry []byte
	for i, id := range ids {
		entry = appendEntry(entry[:0], id, inventory[id])
		data := binary.AppendUvarint(make([]byte, 0, len(entry)+binary.MaxVarintLen32), uint64(len(entry)))
		items[i] = item{data: append(data, entry...), mark: markOf(id)}
	}
	return items
}

// markOf decides where pieces end. It depends on the identity alone, so that
// a change to an object leaves the borders where they were.
func markOf(id object.ID) uint64 {
	h := fnv.New64a()
	for _, part := range []string{id.Group, id.Kind, id.Namespace, id.Name} {
		_, _ = h.Write([]byte(part)) // cannot fail
		_, _ = h.Write([]byte{0})
	}
	// FNV leaves names that differ in their last characters close together.
	sum := h.Sum64()
	sum = (sum ^ sum>>33) * 0xff51afd7ed558ccd
	return sum ^ sum>>33
}

func appendEntry(b []byte, id object.ID, o Owned) []byte {
	uid, binaryUID := packUID(o.UID)
	var flags byte
	for flag, set := range map[byte]bool{
		flagDone: o.Done, flagKept: o.Kept, flagShared: o.Shared, flagGoing: o.Going, flagBinaryUID: binaryUID,
	} {
		if set {
			flags |= flag
		}
	}
	b = append(b, flags)
	for _, s := range []string{id.Group, id.Kind, id.Namespace, id.Name, o.Version, uid} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	b = binary.LittleEndian.AppendUint64(b, o.Manifest)
	b = binary.LittleEndian.AppendUint64(b, o.Live)
	return binary.LittleEndian.AppendUint64(b, o.Schema)
}

// packUID turns a UID in the usual form into its 16 bytes; others stay text.
func packUID(uid types.UID) (text string, binaryUID bool) {
	const length = 36
	s := string(uid)
	if len(s) != length {
		return s, false
	}
	raw, err := hex.DecodeString(s[0:8] + s[9:13] + s[14:18] + s[19:23] + s[24:36])
	if err != nil || unpackUID(string(raw)) != uid {
		return s, false
	}
	return string(raw), true
}

func unpackUID(raw string) types.UID {
	s := hex.EncodeToString([]byte(raw))
	return types.UID(s[0:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:])
}

// decodeInventory reads what the pieces of an inventory hold together.
func decodeInventory(raw []byte) (map[object.ID]Owned, error) {
	inventory := map[object.ID]Owned{}
	for len(raw) > 0 {
		length, n := binary.Uvarint(raw)
		if n <= 0 || length > uint64(len(raw)-n) {
			return nil, errInventory
		}
		id, owned, err := decodeEntry(raw[n : n+int(length)])
		if err != nil {
			return nil, err
		}
		inventory[id] = owned
		raw = raw[n+int(length):]
	}
	return inventory, nil
}

func decodeEntry(b []byte) (object.ID, Owned, error) {
	if len(b) == 0 {
		return object.ID{}, Owned{}, errInventory
	}
	flags, b := b[0], b[1:]
	var texts [6]string
	for i := range texts {
		length, n := binary.Uvarint(b)
		if n <= 0 || length > uint64(len(b)-n) {
			return object.ID{}, Owned{}, errInventory
		}
		texts[i], b = string(b[n:n+int(length)]), b[n+int(length):]
	}
	const hashes = 3 * 8
	if len(b) < hashes {
		return object.ID{}, Owned{}, errInventory
	}
	o := Owned{
		UID:      types.UID(texts[5]),
		Version:  texts[4],
		Manifest: binary.LittleEndian.Uint64(b),
		Live:     binary.LittleEndian.Uint64(b[8:]),
		Schema:   binary.LittleEndian.Uint64(b[16:]),
		Done:     flags&flagDone != 0,
		Kept:     flags&flagKept != 0,
		Shared:   flags&flagShared != 0,
		Going:    flags&flagGoing != 0,
	}
	if flags&flagBinaryUID != 0 {
		if len(texts[5]) != 16 {
			return object.ID{}, Owned{}, errInventory
		}
		o.UID = unpackUID(texts[5])
	}
	return object.ID{Group: texts[0], Kind: texts[1], Namespace: texts[2], Name: texts[3]}, o, nil
}
