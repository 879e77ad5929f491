package servers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"testing"
	"time"
)

// Link is what lies between a client and a registry.
type Link struct {
	Delay time.Duration // each way; a round trip is two of them
	Rate  int64         // bytes a second that one connection brings towards the client at most; 0 is no limit
}

// Far reaches a registry over a link. toxiproxy carries it: program is its server,
// github.com/Shopify/toxiproxy/v2/cmd/server. It accepts connections itself, so that making one costs no round trip.
func Far(t testing.TB, program string, to Endpoint, l Link) Endpoint {
	t.Helper()
	s := service{dir: t.TempDir(), ports: 2}
	s.command = func(ports []int) *exec.Cmd {
		cmd := exec.Command(program, "-host", "127.0.0.1", "-port", fmt.Sprint(ports[0]))
		cmd.Env = []string{"LOG_LEVEL=error"}
		return cmd
	}
	s.ready = func(ports []int) error {
		_, err := fetchText(http.DefaultClient, "http://"+loopback(ports[0])+"/version")
		return err
	}
	_, ports := s.start(t)
	listen := loopback(ports[1])
	configure(t, "http://"+loopback(ports[0]), listen, to.Host, l.toxics())
	return Endpoint{Host: listen, URL: "http://" + listen, Client: to.Client}
}

// toxics are what toxiproxy calls the ways in which a link is worse than none.
func (l Link) toxics() []object {
	delay := object{"latency": l.Delay.Milliseconds()}
	all := []object{
		{"name": "there", "type": "latency", "stream": "upstream", "attributes": delay},
		{"name": "back", "type": "latency", "stream": "downstream", "attributes": delay},
	}
	if l.Rate > 0 {
		rate := object{"rate": l.Rate / 1000}
		all = append(all, object{"name": "rate", "type": "bandwidth", "stream": "downstream", "attributes": rate})
	}
	return all
}

// configure makes a proxy with toxics.
func configure(t testing.TB, api, listen, upstream string, toxics []object) {
	t.Helper()
	post(t, api+"/proxies", object{"name": "link", "listen": listen, "upstream": upstream, "enabled": true})
	for _, toxic := range toxics {
		post(t, api+"/proxies/link/toxics", toxic)
	}
	conn, err := net.Dial("tcp", listen)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func post(t testing.TB, to string, doc object) {
	t.Helper()
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(to, "application/json", bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		t.Fatalf("POST %s: %s", to, resp.Status)
	}
}
