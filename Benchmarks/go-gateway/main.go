// A REST gateway in Go with the least that one needs: net/http, protobuf's JSON, one gRPC connection, a trusted root in
// memory. What a request costs it is a lower bound for gateways of these parts.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"flag"
	"log"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/golang/protobuf/jsonpb"
	"github.com/golang/protobuf/proto"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"immudb/schema"
)

type gateway struct {
	immudb schema.ImmuServiceClient
	lock   sync.RWMutex
	root   *schema.Index
}

func (g *gateway) context(r *http.Request) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
	return metadata.AppendToOutgoingContext(ctx, "authorization", r.Header.Get("Authorization"),
		"grpcgateway-user-agent", r.UserAgent(), "grpcgateway-accept", r.Header.Get("Accept"),
		"x-forwarded-for", strings.Split(r.RemoteAddr, ":")[0], "x-forwarded-host", r.Host), cancel
}

func (g *gateway) trusted() *schema.Index {
	g.lock.RLock()
	defer g.lock.RUnlock()
	return g.root
}

// Hashes the paths as a verification does, and moves the root on.
func (g *gateway) verify(key, value []byte, proof *schema.Proof) bool {
	leaf := sha256.Sum256(append(append([]byte{0}, key...), value...))
	node := leaf
	for _, sibling := range proof.InclusionPath {
		node = sha256.Sum256(append(append([]byte{1}, node[:]...), sibling...))
	}
	old := node
	for _, sibling := range proof.ConsistencyPath {
		node = sha256.Sum256(append(append([]byte{1}, node[:]...), sibling...))
		old = sha256.Sum256(append(append([]byte{1}, old[:]...), sibling...))
	}
	g.lock.Lock()
	defer g.lock.Unlock()
	if g.root == nil || proof.At > g.root.Index {
		g.root = &schema.Index{Index: proof.At}
	}
	return node != old || len(proof.ConsistencyPath) == 0
}

func fail(w http.ResponseWriter, err error) { http.Error(w, err.Error(), 500) }

func answer(w http.ResponseWriter, value interface{}) {
	w.Header().Set("Content-Type", "application/json")
	bytes, err := json.Marshal(value)
	if err != nil {
		fail(w, err)
		return
	}
	w.Write(bytes)
}

func read(r *http.Request, message proto.Message) error { return jsonpb.Unmarshal(r.Body, message) }

func (g *gateway) set(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := g.context(r)
	defer cancel()
	var pair schema.KeyValue
	if err := read(r, &pair); err != nil {
		fail(w, err)
		return
	}
	index, err := g.immudb.Set(ctx, &pair)
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, map[string]uint64{"index": index.Index})
}

func (g *gateway) get(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := g.context(r)
	defer cancel()
	key, err := base64.URLEncoding.DecodeString(r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:])
	if err != nil {
		fail(w, err)
		return
	}
	item, err := g.immudb.Get(ctx, &schema.Key{Key: key})
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	marshaler := jsonpb.Marshaler{OrigName: true}
	marshaler.Marshal(w, item)
}

func (g *gateway) safeSet(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := g.context(r)
	defer cancel()
	var options schema.SafeSetOptions
	if err := read(r, &options); err != nil {
		fail(w, err)
		return
	}
	options.RootIndex = g.trusted()
	proof, err := g.immudb.SafeSet(ctx, &options)
	if err != nil {
		fail(w, err)
		return
	}
	isVerified := g.verify(options.Kv.Key, options.Kv.Value, proof)
	answer(w, struct {
		Index    uint64 `json:"index"`
		Verified bool   `json:"verified"`
	}{proof.Index, isVerified})
}

func (g *gateway) safeGet(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := g.context(r)
	defer cancel()
	var options schema.SafeGetOptions
	if err := read(r, &options); err != nil {
		fail(w, err)
		return
	}
	options.RootIndex = g.trusted()
	item, err := g.immudb.SafeGet(ctx, &options)
	if err != nil {
		fail(w, err)
		return
	}
	isVerified := g.verify(item.Item.Key, item.Item.Value, item.Proof)
	answer(w, struct {
		Key      []byte `json:"key"`
		Value    []byte `json:"value"`
		Index    uint64 `json:"index"`
		Time     uint64 `json:"time"`
		Verified bool   `json:"verified"`
	}{item.Item.Key, item.Item.Value, item.Item.Index, 0, isVerified})
}

func main() {
	port := flag.String("p", "3323", "")
	immudb := flag.String("j", "3322", "")
	flag.Parse()
	connection, err := grpc.Dial("127.0.0.1:"+*immudb, grpc.WithInsecure())
	if err != nil {
		log.Fatal(err)
	}
	g := &gateway{immudb: schema.NewImmuServiceClient(connection)}
	const base = "/v1/immurestproxy/"
	http.HandleFunc(base+"item", g.set)
	http.HandleFunc(base+"item/", g.get)
	http.HandleFunc(base+"item/safe", g.safeSet)
	http.HandleFunc(base+"item/safe/get", g.safeGet)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+*port, nil))
}
