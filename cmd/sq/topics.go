package main

import "github.com/spf13/cobra"

const coordinatesTopic = `A phext is a text whose parts, the scrolls, have addresses: a scroll is where a
coordinate says. A coordinate is nine numbers from 1 to 999, the largest division
first, as a shelf comes before a book and a book before its chapters:

  library.shelf.series/collection.volume.book/chapter.section.scroll
        1.    1.     1/         1.     1.   1/      3.      1.    20

  1.1.1/1.1.1/1.1.1     where every phext begins
  1.1.1/1.1.1/1.1.2     the next scroll
  1.1.1/1.1.1/2.1.1     the first scroll of the second chapter
  2.1.1/1.1.1/1.1.1     another library, far behind all of these

Nothing has to be made before it is written to, and what stands between two
scrolls takes a byte or a few. Where nothing was written there is an empty text.
There is no need to quote a coordinate for a shell.

In the file a scroll ends with a delimiter, one of nine control characters; which
one, tells which number goes up. A text may have any characters but these nine.`

const coordinatesExample = `

Examples:
  sq update --file notes.phext 1.1.1/1.1.1/2.1.1 "The second chapter"
  sq toc --file notes.phext`

const whereTopic = `The commands on a phext are the same wherever it is. They look in this order:

  1. --server URL, or SQ_SERVER: a server, with the phext of --phext NAME, or
     SQ_PHEXT. The token is that of --token, or better SQ_TOKEN, since others see
     a command line. URL is http://HOST:PORT, https://HOST or unix:///PATH.
  2. The daemon of this folder, which sq share FILE has started here. --phext names
     another phext of the folder of FILE.
  3. --file FILE: the file itself, which no other program may serve meanwhile.
     FILE is NAME.phext.

With --file the daemon is asked where that has just this file. --file beside
--server or SQ_SERVER is refused: nobody should have to guess where a write goes.

Reading a file makes nothing beside it. Writing to one makes the folder .sq there,
which keeps what must not be lost: a journal while it is written, and copies of
what others changed at the same time.

Replies are the same as well, but that a daemon's have the coordinate in front, as
in v0.5.5: 1.1.1/1.1.1/1.1.1: Updated 5 bytes. With --json they do not differ.`

const whereExample = `

Examples:
  sq toc --file notes.phext
  sq toc --server https://sq.example.org --phext notes
  export SQ_SERVER=http://localhost:1337 SQ_PHEXT=notes; sq toc
  sq share notes.phext &
  sq toc`

// newTopics returns what the help explains beside the commands. Cobra shows examples
// of commands alone, so they stand in the text here.
func newTopics() []*cobra.Command {
	return []*cobra.Command{
		{Use: "coordinates", Short: "what a coordinate is", Long: coordinatesTopic + coordinatesExample},
		{Use: "where", Short: "where a command finds its phext", Long: whereTopic + whereExample},
	}
}

// clientCommands returns the commands on a phext.
func clientCommands(out outside) []*cobra.Command {
	return []*cobra.Command{
		newSelect(out), newInsert(out), newUpdate(out), newDelete(out),
		newToc(out), newGet(out), newStatus(out), newChecksum(out), newDelta(out), newDiff(out), newList(out),
		newPush(out), newPull(out), newSlurp(out), newExport(out), newSave(out), newJSONExport(out), newInit(out),
	}
}
