package tenant

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/wbic16/sq-go"
)

func TestFind(t *testing.T) {
	hash := HashToken(tokenB).String()
	r := New(mustParse(t, `{"admin_key": "`+tokenC+`", "tenants": {
		"`+hash+`": {"name": "bob", "data_dir": "/n/bob"},
		"`+tokenA+`": {"name": "alice", "data_dir": "/n/alice"},
		"disabled": {"name": "carol", "data_dir": "/n/carol", "enabled": false}}}`))
	for token, want := range map[string]string{
		tokenA: "alice", tokenB: "bob",
		hash: "", hash[7:]: "", "": "", "disabled": "", tokenC: "", tokenA + " ": "", strings.ToLower(tokenA): "",
	} {
		got, ok := r.Find(token)
		if ok != (want != "") || got.Name != want {
			t.Errorf("Find(%q) = %+v, %v; want %q", token, got, ok, want)
		}
	}
	if got := fmt.Sprint(r.Tenants()); !strings.HasPrefix(got, "[{alice ") || strings.Contains(got, "carol") {
		t.Errorf("tenants %s", got)
	}
	if got, ok := r.Tenant("bob"); !ok || got.DataDir != "/n/bob" {
		t.Errorf("Tenant(bob) = %+v, %v", got, ok)
	}
	if _, ok := r.Tenant("carol"); ok {
		t.Error("a disabled tenant was found by name")
	}
	if !r.NeedsToken() {
		t.Error("no token needed")
	}
}

func TestAdmin(t *testing.T) {
	plain := New(mustParse(t, `{"tenants": {}, "admin_key": "`+tokenA+`"}`))
	hashed := New(mustParse(t, `{"tenants": {}, "admin_key": "`+HashToken(tokenA).String()+`"}`))
	for _, r := range []*Registry{plain, hashed} {
		if !r.HasAdmin() || !r.IsAdmin(tokenA) {
			t.Error("the key does not open")
		}
		for _, wrong := range []string{"", tokenB, HashToken(tokenA).String()} {
			if r.IsAdmin(wrong) {
				t.Errorf("%q opens", wrong)
			}
		}
	}
	for _, key := range []string{``, `, "admin_key": ""`, `, "admin_key": null`} {
		r := New(mustParse(t, `{"tenants": {}`+key+`}`))
		if r.HasAdmin() || r.IsAdmin("") || r.IsAdmin(string(make([]byte, 32))) {
			t.Errorf("%s: not closed", key)
		}
	}
}

// A file without tenants lets nobody in, rather than everybody.
func TestNoTenants(t *testing.T) {
	r := New(mustParse(t, `{"tenants": {}}`))
	if _, ok := r.Find(""); ok || !r.NeedsToken() || len(r.Tenants()) != 0 {
		t.Error("somebody gets in")
	}
}

func TestSingle(t *testing.T) {
	want := sq.Tenant{DataDir: "data"}
	keyed := Single(tokenA, "data")
	if got, ok := keyed.Find(tokenA); !ok || got != want || !keyed.NeedsToken() {
		t.Errorf("with a key: %+v, %v", got, ok)
	}
	for _, wrong := range []string{"", tokenB} {
		if _, ok := keyed.Find(wrong); ok {
			t.Errorf("with a key: %q gets in", wrong)
		}
	}
	open := Single("", "data")
	for _, token := range []string{"", tokenB} {
		if got, ok := open.Find(token); !ok || got != want {
			t.Errorf("without a key: Find(%q) = %+v, %v", token, got, ok)
		}
	}
	if open.NeedsToken() || open.HasAdmin() || keyed.IsAdmin(tokenA) {
		t.Error("without a key: wants a token, or has an administration")
	}
	if got := open.Tenants(); len(got) != 1 || got[0] != want {
		t.Errorf("tenants %+v", got)
	}
}

func TestTenantsAreTheCallers(t *testing.T) {
	r := Single("", "data")
	r.Tenants()[0].DataDir = "elsewhere"
	if got, _ := r.Find(""); got.DataDir != "data" || r.Tenants()[0].DataDir != "data" {
		t.Error("the registry changed")
	}
}

// generate returns a file of n tenants; every third token is hashed.
func generate(n int) []byte {
	var b strings.Builder
	b.WriteString("{\n\"tenants\": {\n")
	for i := range n {
		token := inventedToken(i)
		if i%3 == 0 {
			token = HashToken(token).String()
		}
		fmt.Fprintf(&b, "  %q: {\"name\": \"founding-%06d\", \"data_dir\": \"/srv/none/tenants/founding-%06d\", \"quota_mb\": 1024}", token, i, i)
		if i < n-1 {
			b.WriteString(",\n")
		}
	}
	b.WriteString("\n}}\n")
	return []byte(b.String())
}

func inventedToken(i int) string { return fmt.Sprintf("invented-%06d-Token", i) }

func TestFiveHundred(t *testing.T) {
	c, err := Parse(generate(500), "tenants.json")
	if err != nil {
		t.Fatal(err)
	}
	r := New(c)
	if n := len(r.Tenants()); n != 500 {
		t.Fatalf("%d tenants", n)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 500 {
				got, ok := r.Find(inventedToken(i))
				if want := fmt.Sprintf("founding-%06d", i); !ok || got.Name != want {
					t.Errorf("token %d: %q, %v", i, got.Name, ok)
				}
			}
		})
	}
	wg.Wait()
}

// What a memory dump, a debugger or a careless log line would see.
func TestTokensAreNowhere(t *testing.T) {
	c := mustParse(t, `{"admin_key": "`+tokenC+`", "tenants": {
		"`+tokenA+`": {"name": "alice", "data_dir": "/n/alice"},
		"`+tokenB+`": {"name": "bob", "data_dir": "/n/bob", "enabled": false}}}`)
	list := mustParse(t, `{"tenants": [{"id": "alice", "api_key": "`+tokenA+`", "data_dir": "/n/alice"}]}`)
	for _, r := range []*Registry{New(c), New(list), Single(tokenA, "data")} {
		var seen strings.Builder
		walk(&seen, reflect.ValueOf(r), map[uintptr]bool{})
		fmt.Fprintf(&seen, "%#v %+v %v %#v %+v", r, r, r, r.Config(), r.Config())
		for _, token := range []string{tokenA, tokenB, tokenC} {
			if strings.Contains(seen.String(), token) {
				t.Errorf("the registry holds %q", token)
			}
		}
		if !strings.Contains(seen.String(), "data") && !strings.Contains(seen.String(), "alice") {
			t.Error("the walk saw nothing")
		}
	}
}

// walk writes every string and every run of bytes that v leads to.
func walk(out *strings.Builder, v reflect.Value, seen map[uintptr]bool) {
	switch v.Kind() {
	case reflect.String:
		out.WriteString(v.String() + "\n")
	case reflect.Uint8:
		out.WriteByte(byte(v.Uint()))
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() || v.Kind() == reflect.Pointer && seen[v.Pointer()] {
			return
		}
		if v.Kind() == reflect.Pointer {
			seen[v.Pointer()] = true
		}
		walk(out, v.Elem(), seen)
	case reflect.Struct:
		for i := range v.NumField() {
			walk(out, v.Field(i), seen)
		}
	case reflect.Array, reflect.Slice:
		for i := range v.Len() {
			walk(out, v.Index(i), seen)
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			walk(out, it.Key(), seen)
			walk(out, it.Value(), seen)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for _, n := range []int{500, 100_000} {
		data := generate(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				c, err := Parse(data, "tenants.json")
				if err != nil {
					b.Fatal(err)
				}
				New(c)
			}
		})
	}
}

func BenchmarkFind(b *testing.B) {
	c, err := Parse(generate(100_000), "tenants.json")
	if err != nil {
		b.Fatal(err)
	}
	r, token := New(c), inventedToken(77_777)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := r.Find(token); !ok {
			b.Fatal("not found")
		}
	}
}
