// Reads a published ledger with Go's own packages for signed notes and transparency logs, which know nothing
// of AMC: go.sum's checksum database is built on them. Arguments: the exported folder, the verifier key, a JSON
// file with what AMC proved. Prints one line for each check that held, and exits 1 at the first that does not.
package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/ioutil"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type proven struct {
	OldNote     string   `json:"old_note"`
	Consistency []string `json:"consistency"`
	Index       int64    `json:"index"`
	EventHash   string   `json:"event_hash"`
	Inclusion   []string `json:"inclusion"`
}

func main() {
	folder, vkey, file := os.Args[1], os.Args[2], os.Args[3]
	var claim proven
	bytes, err := ioutil.ReadFile(file)
	check("read the claims", err)
	check("parse the claims", json.Unmarshal(bytes, &claim))

	latest, err := ioutil.ReadFile(filepath.Join(folder, "checkpoint"))
	check("read the checkpoint", err)
	tree := open("newest", string(latest), vkey)
	older := open("older", claim.OldNote, vkey)

	leaf := entry(folder, tree.N, claim.Index)
	hash := tlog.RecordHash(leaf)
	if hash.String() != hashOf(claim.EventHash).String() {
		fail("leaf", fmt.Errorf("the entry bundle has another leaf at %d", claim.Index))
	}
	fmt.Println("leaf: its hash is the event hash")

	record := tlog.RecordProof(hashes(claim.Inclusion))
	check("inclusion: proven by AMC's path", tlog.CheckRecord(record, tree.N, tree.Hash, claim.Index, hash))
	consistency := tlog.TreeProof(hashes(claim.Consistency))
	check("consistency: proven by AMC's path", tlog.CheckTree(consistency, tree.N, tree.Hash, older.N, older.Hash))

	// TileHashReader authenticates every tile against the signed root before it is used.
	reader := tlog.TileHashReader(tree, tiles{folder})
	own, err := tlog.ProveRecord(tree.N, claim.Index, reader)
	check("inclusion: proven from the tiles", err)
	same("inclusion", hashStrings(own), claim.Inclusion)
	ownTree, err := tlog.ProveTree(tree.N, older.N, reader)
	check("consistency: proven from the tiles", err)
	same("consistency", hashStrings(ownTree), claim.Consistency)
}

func open(which, text, vkey string) tlog.Tree {
	verifier, err := note.NewVerifier(vkey)
	check("read the key of the "+which+" checkpoint", err)
	opened, err := note.Open([]byte(text), note.VerifierList(verifier))
	check("open the "+which+" checkpoint", err)
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		fail(which, fmt.Errorf("the checkpoint is not three lines under its origin"))
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check("size of the "+which+" checkpoint", err)
	root, err := tlog.ParseHash(lines[2])
	check("root of the "+which+" checkpoint", err)
	return tlog.Tree{N: size, Hash: root}
}

type tiles struct{ folder string }

func (t tiles) Height() int                                { return 8 }
func (t tiles) SaveTiles(tiles []tlog.Tile, data [][]byte) {}
func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	read := make([][]byte, len(wanted))
	for i, tile := range wanted {
		// Go's paths name the height, which C2SP fixes at 8 and leaves out.
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		bytes, err := ioutil.ReadFile(filepath.Join(t.folder, path))
		if err != nil {
			return nil, err
		}
		read[i] = bytes
	}
	return read, nil
}

func entry(folder string, size, index int64) []byte {
	bundle := tlog.Tile{H: 8, L: 0, N: index / 256, W: 256}
	if rest := size - bundle.N*256; rest < 256 {
		bundle.W = int(rest)
	}
	path := strings.Replace(bundle.Path(), "tile/8/0/", "tile/entries/", 1)
	bytes, err := ioutil.ReadFile(filepath.Join(folder, path))
	check("read the entry bundle", err)
	for at := int64(0); at < index%256; at++ {
		bytes = bytes[2+int(binary.BigEndian.Uint16(bytes)):]
	}
	return bytes[2 : 2+int(binary.BigEndian.Uint16(bytes))]
}

func hashes(lines []string) []tlog.Hash {
	parsed := make([]tlog.Hash, len(lines))
	for i, line := range lines {
		hash, err := tlog.ParseHash(line)
		check("parse a hash of a path", err)
		parsed[i] = hash
	}
	return parsed
}

func hashOf(line string) tlog.Hash { return hashes([]string{line})[0] }

func hashStrings(all []tlog.Hash) []string {
	lines := make([]string, len(all))
	for i, hash := range all {
		lines[i] = hash.String()
	}
	return lines
}

func same(what string, got, want []string) {
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		fail(what, fmt.Errorf("Go makes another path from the tiles than AMC"))
	}
	fmt.Println(what + ": the paths are the same")
}

func check(what string, err error) {
	if err != nil {
		fail(what, err)
	}
	if strings.Contains(what, ": ") {
		fmt.Println(what)
	}
}

func fail(what string, err error) {
	fmt.Fprintln(os.Stderr, what+": "+err.Error())
	os.Exit(1)
}
