package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/belay-sh/belay/internal/object"
)

func TestWhatAnApplySends(t *testing.T) {
	c, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		q.Del("timeout")
		got := r.Method + " " + r.URL.Path + " " + r.Header.Get("Content-Type") + " " + q.Encode()
		want := "PATCH /api/v1/namespaces/shop/configmaps/a application/apply-patch+yaml dryRun=All&fieldManager=belay%2Fshop%2Fshop&fieldValidation=Ignore&force=true"
		if got != want {
			t.Errorf("sent\n%s\nwant\n%s", got, want)
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.Copy(w, r.Body)
	})
	body := configMap("a")
	got, created, err := c.DryRun(t.Context(), configMaps, body, object.ApplyOptions{Manager: "belay/shop/shop", Force: true})
	if err != nil || !created {
		t.Fatalf("created %v, %v", created, err)
	}
	if d := cmp.Diff(body.Object, got.Object); d != "" {
		t.Error(d)
	}
}

func TestConditionsOfADelete(t *testing.T) {
	c, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		want := `{"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"resourceVersion":"7","uid":"u"},"propagationPolicy":"Background"}`
		if string(body) != want {
			t.Errorf("sent %s", body)
		}
		_, _ = io.WriteString(w, `{"kind":"Status","status":"Success"}`)
	})
	err := c.Delete(t.Context(), configMaps, "shop", "a", object.DeleteOptions{UID: "u", Version: "7", Propagation: "Background"})
	if err != nil {
		t.Error(err)
	}
}

func TestErrorsAboutSecretsHoldNoValues(t *testing.T) {
	const typed = `failed to create typed patch object (shop/a; /v1, Kind=Secret): .stringData.password: expected string, got &value.valueUnstructured{Value:48151623}`
	for _, test := range []struct {
		name, reason, text, want string
		code                     int
	}{
		{"a schema error keeps its path", "", typed, "refused by the server: Internal Server Error: .stringData.password: expected string (its text is hidden, it may hold values)", 500},
		{"an admission error is hidden", "Forbidden", `admission webhook "x" denied the request: 48151623`, "refused by the server: Forbidden (its text is hidden, it may hold values)", 403},
		{"a missing right is said", "Forbidden", `secrets "a" is forbidden: User "ci" cannot patch resource "secrets"`, `secrets "a" is forbidden: User "ci" cannot patch resource "secrets"`, 403},
		{"plain text is dropped", "", "", "an error on the server (\"\") has prevented the request from succeeding (patch secrets)", 500},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, _ := server(t, func(w http.ResponseWriter, _ *http.Request) {
				if test.text == "" {
					http.Error(w, "48151623", test.code)
					return
				}
				answerStatus(w, test.code, test.reason, test.text)
			})
			_, _, err := c.DryRun(t.Context(), secrets, configMap("a"), object.ApplyOptions{})
			if err == nil || strings.Contains(fmt.Sprintf("%v %+v", err, err), "48151623") {
				t.Fatalf("error %v", err)
			}
			if d := cmp.Diff(test.want, err.Error()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestCausesOfSecretErrorsKeepTheirFields(t *testing.T) {
	c, _ := server(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(422)
		_, _ = io.WriteString(w, `{"kind":"Status","reason":"Invalid","message":"data[a]: 48151623","details":{"causes":[{"reason":"FieldValueInvalid","message":"48151623","field":"data[a]"}]}}`)
	})
	_, err := c.Create(t.Context(), secrets, configMap("a"))
	if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "data[a]: FieldValueInvalid") {
		t.Errorf("error %v", err)
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		t.Fatal("no status")
	}
	raw, _ := json.Marshal(status.Status())
	if strings.Contains(string(raw), "48151623") {
		t.Errorf("the status holds the value: %s", raw)
	}
}
