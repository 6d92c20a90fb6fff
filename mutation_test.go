package sq_test

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var mutate = flag.Bool("mutations", false, "break the engine in each way of the table, and see that the test that is named fails")

// mutation breaks one rule that durability rests on. The test that is named must
// fail then.
type mutation struct {
	name  string
	file  string
	edits [][2]string // text of the file, and what takes its place
	pkg   string
	test  string // a regular expression for go test -run
}

const engine = "internal/disk"

var mutations = []mutation{
	{
		"what a restore replaces is not kept", "internal/disk/place.go",
		[][2]string{{"\terr := dir.Exchange(s.path, s.target())\n", "\terr := dir.Rename(s.path, s.target())\n"}},
		engine, "TestPlace",
	},
	{
		"no sync of the directories after a restore", "internal/disk/place.go",
		[][2]string{{"range []string{trashDir, \".\", tmpDir} {", "range []string{} {"}},
		engine, "TestPlace",
	},
	{
		"a restore syncs where files were before where they came to", "internal/disk/place.go",
		[][2]string{{"range []string{trashDir, \".\", tmpDir} {", "range []string{tmpDir, \".\", trashDir} {"}},
		engine, "TestPlace",
	},
	{
		"no sync of what a restore stages", "internal/disk/place.go",
		[][2]string{{"\terr := s.file.Sync()\n", "\terr := error(nil)\n"}},
		engine, "TestPlace",
	},
	{
		"a backup without its end is taken for one", "internal/backup/read.go",
		[][2]string{{"v.in.n%512 != 0 || v.in.zeros < rest+1024", "v.in.n < 0"}},
		"internal/backup", "TestCut",
	},
	{
		"what a backup lists is not compared with what it holds", "internal/backup/read.go",
		[][2]string{{"len(found) == 0 || found[0] != want", "len(found) == 0"}},
		"internal/backup", "TestRewritten|TestHostile",
	},
	{
		"a damaged journal is backed up without a word", "internal/backup/group.go",
		[][2]string{{"p.Damaged != \"\" && !g.b.o.SkipUnreadable", "false"}},
		"internal/backup", "TestUnreadable",
	},
	{
		"what has the same size is taken for the same", "internal/backup/group.go",
		[][2]string{{"err != nil || sum != old.Checksum", "err != nil || sum == (phext.Checksum{})"}},
		"internal/backup", "TestSameSize",
	},
	{
		"an older text of a peer is taken as any other", "internal/mesh/past.go",
		[][2]string{{"\treturn s.there && slices.Contains(b.past[c], s.sum)\n", "\t_, _ = slices.Contains(b.past[c], s.sum), s\n\treturn false\n"}},
		"internal/mesh", "TestRestored",
	},
	{
		"what a peer remembers is not asked before it deletes", "internal/mesh/past.go",
		[][2]string{{"r.theirs.round == r.before.seen && !s.remote.there || r.theirs.at(s.at).local == s.remote", "false"}},
		"internal/mesh", "TestDeletionIsDoubted",
	},
	{
		"what is remembered here is not asked before a deletion is sent", "internal/mesh/past.go",
		[][2]string{{"r.before.round == r.theirs.seen && !s.local.there", "false"}},
		"internal/mesh", "TestRestored",
	},
	{
		"an answer without a sync", "internal/disk/segment.go",
		[][2]string{{"if err := s.source.file.Sync(); err != nil {\n\t\ts.bad = true", "if err := error(nil); err != nil {\n\t\ts.bad = true"}},
		engine, "TestTrace|TestImages",
	},
	{
		"a sync that is put off is forgotten", "internal/disk/segment.go",
		[][2]string{{"\t\th.due.Reset(within)\n", ""}},
		engine, "TestRelaxed",
	},
	{
		"a sync that is put off again at each write", "internal/disk/segment.go",
		[][2]string{{"if within > 0 && !s.owed {", "if within > 0 {"}},
		engine, "TestRelaxedGoesOn",
	},
	{
		"a batch that may wait makes others wait", "internal/disk/relaxed.go",
		[][2]string{{"within := g.taken[0].within\n", "within := max(g.taken[0].within, relaxedSync)\n"}, {"\t\twithin = min(within, r.within)\n", "\t\twithin = max(within, r.within)\n"}},
		engine, "TestRelaxedBesideFsync",
	},
	{
		"a segment counts on what is not synced", "internal/disk/segment.go",
		[][2]string{{"\tif err := h.sync(); err != nil {\n\t\treturn err\n\t}\n\tif !h.current", "\tif !h.current"}},
		engine, "TestRelaxedCheckpoint",
	},
	{
		"a synced point before its sync", "internal/disk/segment.go",
		[][2]string{{"\tif within > 0 {\n\t\treturn nil\n", "\tif within > 0 {\n\t\ts.encode.Synced(s.end)\n\t\treturn nil\n"}},
		engine, "TestRelaxedImages",
	},
	{
		"what is not synced is closed", "internal/disk/engine.go",
		[][2]string{{"if unsynced := h.sync(); err == nil {", "if unsynced := error(nil); err == nil {"}},
		engine, "TestRelaxedIsClosed",
	},
	{
		"after a sync that failed another is trusted", "internal/disk/segment.go",
		[][2]string{{"\t\ts.bad = true\n\t\treturn h.fail(err, \"sync the journal\")", "\t\treturn h.fail(err, \"sync the journal\")"}},
		engine, "TestRelaxedSyncFails|TestFailsThenCrashes|TestEveryOperationFails",
	},
	{
		"no sync of the directory of a new segment", "internal/disk/segment.go",
		[][2]string{{"\treturn dir.SyncDir(parent)\n", "\treturn nil\n"}},
		engine, "TestTrace|TestImages",
	},
	{
		"no sync of the directory after the exchange", "internal/disk/exchange.go",
		[][2]string{{"if err := h.fs.SyncDir(\".\"); err != nil {\n\t\treturn h.fail(", "if err := error(nil); err != nil {\n\t\treturn h.fail("}},
		engine, "TestTrace|TestImages",
	},
	{
		"no sync of the new file before the exchange", "internal/disk/checkpoint.go",
		[][2]string{{"if err := file.Sync(); err != nil {\n\t\treturn err\n\t}\n\tc.file", "if err := error(nil); err != nil {\n\t\treturn err\n\t}\n\tc.file"}},
		engine, "TestTrace|TestImages",
	},
	{
		"the exchange before the mark", "internal/disk/exchange.go",
		[][2]string{
			{"\tmark := journal.Mark{Sequence: f.sequence, File: f.content.identity}\n\tif err", "\tf.swapped = h.swap()\n\tmark := journal.Mark{Sequence: f.sequence, File: f.content.identity}\n\tif err"},
			{"\th.unsettled = f\n\tf.swapped = h.swap()\n", "\th.unsettled = f\n"},
		},
		engine, "TestTrace|TestImages",
	},
	{
		"a bad record without a look ahead", "internal/journal/reader.go",
		[][2]string{{"if int64(le.Uint64(r.buf[32:])) > bad {", "if bad < 0 {"}},
		"internal/journal", "Damage|Byte|Bit|Record",
	},
	{
		"what replaces a phext is seen at its position", "internal/disk/exchange.go",
		[][2]string{{"\t\tnext.sequence = h.sequence\n", ""}},
		engine, "TestContract$",
	},
	{
		"published before it is written", "internal/disk/commit.go",
		[][2]string{{"\tif err := h.write(g.records, g.encode, g.within()); err != nil {\n", "\tg.view.exists, g.view.sequence = true, h.sequence\n\th.publish(g.view)\n\tif err := h.write(g.records, g.encode, g.within()); err != nil {\n"}},
		engine, "TestReadersSeeWhatIsDurable",
	},
	{
		"answered before it is published", "internal/disk/commit.go",
		[][2]string{
			{"\th.stats().groups", "\tfor _, r := range g.taken {\n\t\tclose(r.done)\n\t\tr.done = make(chan struct{})\n\t}\n\ttime.Sleep(time.Millisecond)\n\th.stats().groups"},
		},
		engine, "TestContract$|TestLinearizable",
	},
	{
		"segments removed before the exchange", "internal/disk/exchange.go",
		[][2]string{{"\th.unsettled = f\n\tf.swapped = h.swap()\n", "\th.unsettled = f\n\th.dropOlder()\n\tf.swapped = h.swap()\n"}},
		engine, "TestTrace|TestImages",
	},
	{
		"the newest segment removed with the others", "internal/disk/segment.go",
		[][2]string{{"n := max(len(h.older)-1, 0)", "n := len(h.older)"}},
		engine, "TestTrace|TestImages",
	},
	{
		"an edit forgets what was pending", "internal/disk/adopt.go",
		[][2]string{{"\tif ops = append(ops, more...); journal", "\tif ops = nil; len(more) >= 0 && journal"}},
		engine, "TestHandsAtEveryMoment",
	},
	{
		"what came out of an exchange is not looked at", "internal/disk/exchange.go",
		[][2]string{{"err == nil && out.Identity.SameContent(h.info.Identity):\n\t\tf.content", "err == nil && out.Mode != 0:\n\t\tf.content"}},
		engine, "TestHandsAtEveryMoment",
	},
	{
		"what was folded is applied to an edit again", "internal/disk/adopt.go",
		[][2]string{{"if exposed && there", "if false && there"}},
		engine, "TestHandsAtEveryMoment",
	},
	{
		"no copy of what an older version is saved over", "internal/disk/adopt.go",
		[][2]string{{"if !h.ours || v.file", "if true || v.file"}},
		engine, "TestHandsAtEveryMoment",
	},
	{
		"a failed segment is written again", "internal/disk/exchange.go",
		[][2]string{{"if h.segment.bad {", "if false {"}},
		engine, "TestBadSegmentIsNotWritten",
	},
	{
		"what a reader is shown after a start is not on disk", "internal/disk/recover.go",
		[][2]string{{"if err := s.rewrite(s.sure, s.end); err != nil {", "if err := error(nil); err != nil {"}},
		engine, "TestFailedSyncIsNotTrusted",
	},
	{
		"a refusal tells of what was not written", "internal/disk/commit.go",
		[][2]string{{"case r.depends:", "case false:"}},
		engine, "TestRefusalTellsOfWhatIs",
	},
	{
		"a batch into a journal that was removed", "internal/disk/segment.go",
		[][2]string{{"err != nil || removed {", "err != nil || removed && false {"}},
		engine, "TestSegmentRemoved",
	},
	{
		"a lost beginning is taken for an edit", "internal/disk/chain.go",
		[][2]string{{"if bad == 0 && j.headless(file) {", "if bad == 0 && j.headless(file) && false {"}},
		engine, "TestOlderSegmentLost",
	},
	{
		"records behind damage are applied", "internal/disk/recover.go",
		[][2]string{{"\t\tj.keepUsable(mark, known)\n", ""}},
		engine, "TestDamageBelowTheFile|TestOlderHeaderFlipped",
	},
	{
		"what is left of a rotten journal is judged anew", "internal/disk/adopt.go",
		[][2]string{{"case h.rotten.Load():", "case false:"}},
		engine, "TestRot",
	},
	{
		"the mark is not repeated behind a checkpoint", "internal/disk/commit.go",
		[][2]string{{"if h := g.h; h.confirm {", "if h := g.h; h.confirm && false {"}},
		engine, "TestOlderVersionPutBack",
	},
	{
		"a repair removes the journal before the file is on disk", "internal/disk/repair.go",
		[][2]string{{"h.syncFile(content{file: v.file})", "error(nil)"}},
		engine, "TestRepairThenPowerLoss",
	},
	{
		"a repair takes the journal of a newer program away", "internal/disk/repair.go",
		[][2]string{{"if d.foreign {", "if false {"}},
		engine, "TestRepairOfNewerVersion",
	},
	{
		"an unfinished segment is forgotten", "internal/disk/segment.go",
		[][2]string{{"h.orphans = append(h.orphans, s)", "_ = s"}},
		engine, "TestOrphan",
	},
	{
		"a tenant is found by another's token", "internal/tenant/registry.go",
		[][2]string{{"r.byToken[e.Token] = i\n", "r.byToken[e.Token] = 0\n"}},
		"internal/tenant", ".",
	},
	{
		"a configuration that is not synced", "internal/tenant/save.go",
		[][2]string{{"\tif err == nil {\n\t\terr = out.Sync()\n\t}\n\tif err := errors.Join(err, out.Close()); err != nil {\n\t\treturn nil, notWritten(err)", "\tif err := errors.Join(err, out.Close()); err != nil {\n\t\treturn nil, notWritten(err)"}},
		"internal/tenant", "TestOrderOfWriting",
	},
	{
		"a configuration that others changed is overwritten", "internal/tenant/change.go",
		[][2]string{{"if contentOf(data) != l.content {", "if false {"}},
		"internal/tenant", "TestChangeAfterAnother",
	},
	{
		"the old token goes on beside a change", "internal/tenant/registry.go",
		[][2]string{{"\tr.newer[e.Token] = nobody\n", ""}},
		"internal/tenant", "TestAmendedIsParsed",
	},
	{
		"tokens stay in the room of a text", "internal/tenant/room.go",
		[][2]string{{"\tclear(text)\n", ""}},
		"internal/tenant", "TestRoomIsEmpty",
	},
	{
		"what cannot be recorded is done", "internal/admin/audit.go",
		[][2]string{{"\tif err := a.ready(); err != nil {\n\t\treturn err\n\t}\n\tid, err := do()\n\ta.record(newAct(r.RemoteAddr", "\tid, err := do()\n\ta.record(newAct(r.RemoteAddr"}},
		"internal/admin", "TestAuditFails",
	},
	{
		"a claim is in force before it is written", "internal/founding/commit.go",
		[][2]string{{"\tif err := p.files.replace(claimsSuffix, text); err != nil {", "\tp.book.Store(next)\n\tif err := p.files.replace(claimsSuffix, text); err != nil {"}},
		"internal/founding", "TestEachCallFails|TestDiskErrors",
	},
	{
		"a token is shown twice", "internal/founding/programme.go",
		[][2]string{{"\t\t\tb.add(note{Kind: shown, Slot: s.Number, Name: s.Name, At: p.Now().UTC()}, i)\n", ""}},
		"internal/founding", "TestShow",
	},
	{
		"a token that was exchanged is told", "internal/founding/book.go",
		[][2]string{{"if c.Stale = !usable(c.Slot); c.Stale {", "if c.Stale = false; c.Stale {"}},
		"internal/founding", "TestStale",
	},
	{
		"what is being written has no room in the quota", "internal/disk/account.go",
		[][2]string{{"used := a.phexts + a.trash + a.reserved - before\n", "used := a.phexts + a.trash\n"}},
		engine, "TestQuotaIsReserved",
	},
	{
		"a batch that the quota refuses stays in the group", "internal/disk/commit.go",
		[][2]string{{"len(batch) > 1 || g.limited", "len(batch) > 1"}},
		engine, "TestQuotaIsReserved",
	},
	{
		"one limit is used up though the other refuses", "internal/api/rate.go",
		[][2]string{{"if second.wait == 0 && day.wait == 0 {", "if second.wait == 0 {"}},
		"internal/api", "TestRate",
	},
	{
		"a right token waits", "internal/api/guess.go",
		[][2]string{{"return !known\n", "return !known || known\n"}},
		"internal/api", "TestWrongTokensWait",
	},
	{
		"headers that are as long are taken for the same", "internal/api/fastrequest.go",
		[][2]string{{"bytes.Equal(lines, r.lines)", "len(lines) == len(r.lines)"}},
		"internal/api", "TestPlainAfterAnother",
	},
	{
		"a request with two hosts is plain", "internal/api/fastrequest.go",
		[][2]string{{"r.head.hosts != 1", "r.head.hosts == 0"}},
		"internal/api", "TestPlain",
	},
	{
		"a part of a body is taken for a plain request", "internal/api/framing.go",
		[][2]string{{"c.fast != nil && c.framing.between()", "c.fast != nil"}},
		"internal/api", "TestBodyIsNoRequest",
	},
	{
		"a head behind plain requests has the time of a connection that waits", "internal/api/fastpath.go",
		[][2]string{{"if left = copy(p, rest); left > 0 && c.fast.used.Load() {", "if left = copy(p, rest); false {"}},
		"internal/api", "TestHeadBehindFastPath",
	},
	{
		"a shutdown closes what is at work on the fast path", "internal/api/connections.go",
		[][2]string{{"if atWork && !c.all.forced.Load() {", "if false {"}},
		"internal/api", "TestEndOfFastPath",
	},
	{
		"the phext that was asked for last is taken for another", "internal/disk/store.go",
		[][2]string{{"h != nil && h.name == name && h.pin()", "h != nil && h.pin()"}},
		"internal/disk", "TestContract",
	},
	{
		"it is not noted that a phext is used", "internal/disk/handle.go",
		[][2]string{{"\t\t\th.used.Store(h.now())\n", ""}},
		"internal/disk", "TestUsed",
	},
	{
		"the end of a client behind a plain request is not seen", "internal/api/drain_linux.go",
		[][2]string{{"return int(got), !told || ", "return int(got), !told && "}},
		"internal/api", "TestEndIsSeen",
	},
	{
		"an answer that is held back is cut off by a shutdown", "internal/api/connections.go",
		[][2]string{{" && c.gone == nil", ""}},
		"internal/api", "TestHeldAtEnd",
	},
	{
		"a deadline to write stays behind a plain request", "internal/api/fastpath.go",
		[][2]string{{"\tc.SetWriteDeadline(time.Time{}) // TLS writes while it reads\n", ""}},
		"internal/api", "TestNoDeadlineBehindFastPath",
	},
	{
		"a shutdown does not wait for the fast path", "internal/api/server.go",
		[][2]string{{"err = s.conns.settle(ctx)", "err = nil"}},
		"internal/api", "TestEndOfFastPath",
	},
	{
		"the router may send a request again", "internal/route/forward.go",
		[][2]string{{"	out.Body, out.GetBody = nothing{}, nil\n", "	return\n"}},
		"internal/route", "TestSentOnce",
	},
	{
		"a reply that a server broke off looks whole behind the router", "internal/route/call.go",
		[][2]string{{"	if c.broken {\n		panic(http.ErrAbortHandler)", "	if false {\n		panic(http.ErrAbortHandler)"}},
		"internal/route", "TestBreaksOff",
	},
	{
		"of a text in several pieces those who read a whole phext have the first", "internal/disk/source.go",
		[][2]string{{"len(places) == 1 && places[0].length", "len(places) > 0 && places[0].length"}},
		engine, "TestContract",
	},
	{
		"a long text is cut within a character for the look whether it is UTF-8", "phext/utf8.go",
		[][2]string{{"n := lastCharacter(p[:validBytes])", "n := validBytes"}},
		"phext", "TestValidUTF8InParts",
	},
}

// TestMutations holds that each mutation still fits the sources, and is told of
// in doc/reliability.md. With -mutations
// it carries them out, one after the other, in a copy.
func TestMutations(t *testing.T) {
	page, err := os.ReadFile("doc/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mutations {
		t.Run(m.name, func(t *testing.T) {
			text, err := os.ReadFile(m.file)
			if err != nil {
				t.Fatal(err)
			}
			for _, edit := range m.edits {
				if n := bytes.Count(text, []byte(edit[0])); n != 1 {
					t.Fatalf("%s has this %d times, want it once:\n%s", m.file, n, edit[0])
				}
				text = bytes.Replace(text, []byte(edit[0]), []byte(edit[1]), 1)
			}
			if !bytes.Contains(page, []byte("| "+m.name+" |")) {
				t.Errorf("doc/reliability.md does not tell of it")
			}
			if *mutate {
				m.run(t, text)
			}
		})
	}
}

// run replaces a file in a copy of the sources and runs the test that must fail.
func (m mutation) run(t *testing.T, text []byte) {
	dir := t.TempDir()
	copySources(t, dir)
	if err := os.WriteFile(filepath.Join(dir, m.file), text, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "test", "-count=1", "-timeout", "5m", "-run", m.test, "./"+m.pkg)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	failed := false
	for line := range strings.Lines(string(out)) {
		if name, ok := strings.CutPrefix(line, "--- FAIL: "); ok {
			failed = true
			t.Logf("found out by %s", strings.TrimSpace(name))
		}
	}
	if err == nil || !failed {
		t.Errorf("not found out by %s: %v\n%s", m.test, err, out)
	}
}

// copySources copies the files of the project.
func copySources(t *testing.T, to string) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (path == ".git" || path == "bin"):
			return filepath.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, path), 0o700)
		case !d.Type().IsRegular():
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("copy the sources: %w", err)
		}
		return os.WriteFile(filepath.Join(to, path), b, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}
