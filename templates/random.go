package templates

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"reflect"
	"slices"
	"strconv"
)

// randomNames are the functions whose results are remembered.
var randomNames = []string{
	"bcrypt", "encryptAES", "genCA", "genCAWithKey", "genPrivateKey", "genSelfSignedCert", "genSelfSignedCertWithKey",
	"genSignedCert", "genSignedCertWithKey", "htpasswd", "randAlpha", "randAlphaNum", "randAscii", "randBytes", "randInt",
	"randNumeric", "shuffle", "uuidv4",
}

func isRandom(name string) bool { return slices.Contains(randomNames, name) }

// maxRandom bounds the length of random texts.
const maxRandom = 1 << 20

// remembered calls a random function, or gives back what it gave before at this
// call site for the same arguments: a hash of a password must follow the
// password, a certificate its names.
func (r *renderer) remembered(functions map[string]reflect.Value, number int, args []any) (any, error) {
	s := &r.set.sites[number]
	fn := functions[s.name]
	return r.memory().recall(fn, r.randomPlace(s), args)
}

func (r *renderer) memory() *memory {
	return &memory{known: r.options.Random, used: r.random, counts: r.counts}
}

// memory gives back what random functions gave before.
type memory struct {
	// known are the remembered results, and used those of this run, by call.
	known, used map[string]string
	counts      map[string]int
}

func newMemory(known map[string]string) *memory {
	return &memory{known: known, used: map[string]string{}, counts: map[string]int{}}
}

// recall calls a random function at a place, or gives back its result.
func (m *memory) recall(fn reflect.Value, place string, args []any) (any, error) {
	for _, arg := range args {
		if n, ok := integer(arg); ok && n > maxRandom {
			return nil, fmt.Errorf("%d is more than %d", n, maxRandom)
		}
	}
	key, err := m.key(place, args)
	if err != nil {
		return nil, err
	}
	if text, known := m.known[key]; known {
		result := reflect.New(fn.Type().Out(0))
		if json.Unmarshal([]byte(text), result.Interface()) == nil {
			m.used[key] = text
			return result.Elem().Interface(), nil
		}
	}
	result, err := call(fn, args)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(result)
	if err != nil {
		return nil, err
	}
	m.used[key] = string(text)
	return result, nil
}

// key names a call: templates/secret.yaml:12:15 randAlphaNum#1 3f2a91c0.
func (m *memory) key(place string, args []any) (string, error) {
	m.counts[place]++
	data, err := json.Marshal(args)
	if err != nil {
		return "", errors.New("arguments that cannot be remembered")
	}
	h := fnv.New32a()
	h.Write(data) // never fails
	return place + "#" + strconv.Itoa(m.counts[place]) + " " + strconv.FormatUint(uint64(h.Sum32()), 16), nil
}

// randomPlace names a call site.
func (r *renderer) randomPlace(s *site) string {
	place := s.source.place(s.pos)
	if s.source.name == "" { // a text that tpl was given: the call of tpl
		for i := len(r.stack) - 1; i >= 0; i-- {
			if f := r.stack[i]; f.site.source.name != "" {
				place = f.site.source.place(f.site.pos) + place
				break
			}
		}
	}
	return place + " " + s.name
}
