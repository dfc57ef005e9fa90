// A verified set and get, checked by this file's own arithmetic: what a driver of immudb 0.6 has to do.
//
//	verified VECTORS                                      checks the test vectors
//	verified VECTORS HOST:PORT ROOT-FILE --first-contact  trusts the server's history as it is now
//	verified VECTORS HOST:PORT ROOT-FILE                  holds the server to the root in the file
//
// build.sh generates the package schema and compiles this. "I3", "V5" and so on are rules of docs/protocol.md.
// Ends with 1 and a reason if something does not hold, with 2 if the arguments are wrong. Checks that fail panic, as in
// a test; a driver returns errors.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"strings"
	"time"

	"github.com/golang/protobuf/proto"
	"github.com/golang/protobuf/ptypes/empty"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"immudb/schema"
)

// verificationFailed says that an answer does not follow from what was trusted: evidence, never a reason to try again.
type verificationFailed struct{ error }

func check(holds bool, format string, arguments ...interface{}) {
	if !holds {
		panic(verificationFailed{fmt.Errorf(format, arguments...)})
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// attempt returns the error that function panicked with.
func attempt(function func()) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = reason.(error)
		}
	}()
	function()
	return nil
}

func leafDigest(index uint64, key, value []byte) []byte {
	numbers := make([]byte, 16)
	binary.BigEndian.PutUint64(numbers, index)
	binary.BigEndian.PutUint64(numbers[8:], uint64(len(key)))
	digest := sha256.Sum256(bytes.Join([][]byte{{0}, numbers, key, value}, nil))
	return digest[:]
}

func node(left, right []byte) []byte {
	digest := sha256.Sum256(bytes.Join([][]byte{{1}, left, right}, nil))
	return digest[:]
}

func checkDigests(digests ...[]byte) {
	for _, digest := range digests {
		check(len(digest) == 32, "I1, C1: a digest has %d bytes", len(digest))
	}
}

func checkInclusion(leaf []byte, index, at uint64, path [][]byte, root []byte) {
	checkDigests(append([][]byte{leaf, root}, path...)...)
	check(index <= at && at < 1<<63, "I2: entry %d is not in a tree that ends at %d", index, at)
	turns := bits.Len64(index ^ at)
	check(len(path) == turns+bits.OnesCount64(index>>turns), "I3: a path of %d nodes", len(path))
	digest := leaf
	for k, sibling := range path {
		if k >= turns || index>>k&1 == 1 {
			digest = node(sibling, digest)
		} else {
			digest = node(digest, sibling)
		}
	}
	check(bytes.Equal(digest, root), "I5: the path does not lead from the leaf to the root")
}

func checkConsistency(first uint64, firstRoot []byte, second uint64, secondRoot []byte, path [][]byte) {
	checkDigests(append([][]byte{firstRoot, secondRoot}, path...)...)
	check(second < 1<<63, "C1: a tree that ends at %d", second)
	check(first <= second, "C2: the tree shrank: it ends at %d, and the trusted one at %d", second, first)
	if first == second {
		check(len(path) == 0 && bytes.Equal(firstRoot, secondRoot), "C4: another root for the trusted tree")
		return
	}
	size := first + 1
	zeros := bits.TrailingZeros64(size)
	peak := size>>zeros - 1
	turns := bits.Len64(peak ^ second>>zeros)
	if size&(size-1) == 0 { // a power of two: the trusted root is a node of the new tree, and is not sent
		path = append([][]byte{firstRoot}, path...)
	}
	check(len(path) == turns+bits.OnesCount64(peak>>turns)+1, "C5: a path of another length")
	older, newer := path[0], path[0]
	for k, sibling := range path[1:] {
		if k >= turns || peak>>k&1 == 1 {
			older, newer = node(sibling, older), node(sibling, newer)
		} else {
			newer = node(newer, sibling)
		}
	}
	check(bytes.Equal(older, firstRoot) && bytes.Equal(newer, secondRoot),
		"C8: the tree does not continue the trusted one")
}

// checkAnswer returns the root to trust next. An empty root means that nothing is trusted; item is that of a read.
func checkAnswer(trusted *schema.Root, key, value []byte, proof *schema.Proof, item *schema.Item) *schema.Root {
	if item != nil {
		check(proof.GetIndex() == item.Index, "V1: the proof is of another index")
		check(bytes.Equal(item.Key, key), "V7: the answer has another key") // references are not followed here
		value = item.Value
	}
	check(bytes.Equal(proof.GetLeaf(), leafDigest(proof.GetIndex(), key, value)), "V2: the leaf is not that of the entry")
	checkInclusion(proof.Leaf, proof.Index, proof.At, proof.InclusionPath, proof.Root)
	if len(trusted.Root) > 0 {
		checkConsistency(trusted.Index, trusted.Root, proof.At, proof.Root, proof.ConsistencyPath)
		check(item != nil || proof.Index > trusted.Index, "V6: the entry was there before it was written")
	}
	checkDigests(proof.ConsistencyPath...)
	return &schema.Root{Index: proof.At, Root: proof.Root}
}

func parseRoot(data []byte) *schema.Root {
	root := &schema.Root{}
	err := proto.Unmarshal(data, root)
	again, _ := proto.Marshal(&schema.Root{Index: root.Index, Root: root.Root})
	check(err == nil && len(root.Root) == 32 && bytes.Equal(again, data), "these bytes are not a trusted root")
	return root
}

// saveRoot leaves the old root or the new one in the file, whatever happens meanwhile.
func saveRoot(name string, root *schema.Root) {
	data, err := proto.Marshal(root)
	must(err)
	draft, err := os.Create(name + ".new")
	must(err)
	_, err = draft.Write(data)
	must(err)
	must(draft.Sync())
	must(draft.Close())
	must(os.Rename(name+".new", name))
}

type hexBytes []byte

func (b *hexBytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.DecodeString(string(text))
	return err
}

type hexPath []hexBytes

func (path hexPath) digests() (plain [][]byte) {
	for _, digest := range path {
		plain = append(plain, digest)
	}
	return plain
}

// vector has the fields of all kinds of cases.
type vector struct {
	Name                                                string
	Holds                                               *bool
	Index, At, First, Second                            uint64 `json:",string"`
	Key, Value, Leaf, Root, FirstRoot, SecondRoot, File hexBytes
	Path, InclusionPath, ConsistencyPath                hexPath
	Trusted, Request, Item, Proof                       *vector
}

func (v *vector) check(kind string) {
	switch kind {
	case "leaves":
		check(bytes.Equal(v.Leaf, leafDigest(v.Index, v.Key, v.Value)), "another leaf")
	case "inclusion":
		checkInclusion(v.Leaf, v.Index, v.At, v.Path.digests(), v.Root)
	case "consistency":
		checkConsistency(v.First, v.FirstRoot, v.Second, v.SecondRoot, v.Path.digests())
	case "answers":
		var item *schema.Item
		if v.Item != nil {
			item = &schema.Item{Key: v.Item.Key, Value: v.Item.Value, Index: v.Item.Index}
		}
		p, trusted := v.Proof, &schema.Root{Index: v.Trusted.Index, Root: v.Trusted.Root}
		checkAnswer(trusted, v.Request.Key, v.Request.Value, &schema.Proof{
			Leaf: p.Leaf, Index: p.Index, Root: p.Root, At: p.At,
			InclusionPath: p.InclusionPath.digests(), ConsistencyPath: p.ConsistencyPath.digests()}, item)
	case "rootFiles":
		root := parseRoot(v.File)
		check(root.Index == v.Index && bytes.Equal(root.Root, v.Root), "another root")
	}
}

func checkVectors(name string) {
	data, err := os.ReadFile(name)
	must(err)
	var parts map[string]json.RawMessage
	must(json.Unmarshal(data, &parts))
	count := 0
	for _, kind := range []string{"leaves", "inclusion", "consistency", "answers", "rootFiles"} {
		var cases []vector
		must(json.Unmarshal(parts[kind], &cases))
		for _, v := range cases {
			err, holds := attempt(func() { v.check(kind) }), v.Holds == nil || *v.Holds
			check((err == nil) == holds, "vector %s, %s: accepted or refused wrongly: %v", kind, v.Name, err)
			count++
		}
	}
	fmt.Println(count, "vectors hold")
}

func setAndGet(address, name string, isFirstContact bool) {
	connection, err := grpc.Dial(address, grpc.WithInsecure())
	must(err)
	defer connection.Close()
	service := schema.NewImmuServiceClient(connection)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()

	var trusted *schema.Root
	data, err := os.ReadFile(name)
	if !errors.Is(err, os.ErrNotExist) {
		must(err)
	}
	if len(data) > 0 {
		trusted = parseRoot(data)
	} else {
		check(isFirstContact, "%s has no root: add --first-contact to trust what %s shows now", name, address)
		trusted, err = service.CurrentRoot(ctx, &empty.Empty{})
		must(err)
		check(len(trusted.Root) == 32 || len(trusted.Root) == 0 && trusted.Index == 0, "the server's root is not one")
	}
	rootIndex := func() *schema.Index {
		if len(trusted.Root) == 0 {
			return nil
		}
		return &schema.Index{Index: trusted.Index}
	}
	fmt.Printf("trusted: last index %d, root %x\n", trusted.Index, trusted.Root)

	pair := &schema.KeyValue{Key: []byte("greeting"), Value: []byte("hello from Go")}
	proof, err := service.SafeSet(ctx, &schema.SafeSetOptions{Kv: pair, RootIndex: rootIndex()})
	must(err)
	trusted = checkAnswer(trusted, pair.Key, pair.Value, proof, nil)
	saveRoot(name, trusted)
	fmt.Printf("set, verified: entry %d\n", proof.Index)

	answer, err := service.SafeGet(ctx, &schema.SafeGetOptions{Key: pair.Key, RootIndex: rootIndex()})
	must(err)
	check(answer.Item != nil, "V7: an answer without an entry")
	trusted = checkAnswer(trusted, pair.Key, nil, answer.Proof, answer.Item)
	saveRoot(name, trusted)
	fmt.Printf("get, verified: %s\ntrusted now: last index %d, root %x\n", answer.Item.Value, trusted.Index, trusted.Root)
}

const usage = `usage: verified VECTORS [HOST:PORT ROOT-FILE [--first-contact]]

VECTORS           file of the test vectors, Examples/vectors/vectors.json: it checks them
HOST:PORT         address of an immudb server: then it does a verified set and get of the key greeting
ROOT-FILE         file of the root that is trusted, made at the first contact
--first-contact   trust what the server shows now

Ends with 1 and a reason if something does not hold, with 2 if the arguments are wrong.
`

// readArguments returns those that are no flags. It ends the program if they are wrong, or help is asked for.
func readArguments() (words []string, isFirstContact bool) {
	for _, argument := range os.Args[1:] {
		switch {
		case argument == "-h" || argument == "--help":
			fmt.Print(usage)
			os.Exit(0)
		case argument == "--first-contact":
			isFirstContact = true
		case strings.HasPrefix(argument, "-"):
			refuseArguments("there is no flag " + argument)
		default:
			words = append(words, argument)
		}
	}
	if len(words) != 3 && (len(words) != 1 || isFirstContact) {
		refuseArguments("give VECTORS, or VECTORS, HOST:PORT and ROOT-FILE")
	}
	return words, isFirstContact
}

func refuseArguments(reason string) {
	fmt.Fprintf(os.Stderr, "%serror: %s\n", usage, reason)
	os.Exit(2)
}

func main() {
	words, isFirstContact := readArguments()
	err := attempt(func() {
		checkVectors(words[0])
		if len(words) > 1 {
			setAndGet(words[1], words[2], isFirstContact)
		}
	})
	if err == nil {
		return
	}
	kind := "call failed: "
	if _, isFailure := err.(verificationFailed); isFailure {
		kind = "VERIFICATION FAILED: "
	} else if status.Convert(err).Message() == "invalid root index" { // V11: it lacks the trusted tree's last index
		kind = "VERIFICATION FAILED: the tree shrank: "
	}
	fmt.Fprintf(os.Stderr, "%s%v\n", kind, err)
	os.Exit(1)
}
