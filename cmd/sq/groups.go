package main

import (
	"slices"

	"github.com/spf13/cobra"
)

// The groups that the help has the commands in.
const (
	groupPhexts  = "phexts"
	groupServing = "serving"
	groupRunning = "running"
	groupHelp    = "help"
)

// groups are the titles, and the commands that do not name their group themselves.
var groups = []struct {
	id, title string
	commands  []string
}{
	{groupPhexts, "Commands on a phext:", []string{"sync"}},
	{groupServing, "Serving phexts:", []string{"share", "basic", "shutdown", "host", "route", "mesh", "mcp"}},
	{groupRunning, "Running a server:", []string{"tenants", "config", "backup", "restore", "check", "health", "bench"}},
	{groupHelp, "Help and version:", []string{"completion", "man", "version"}},
}

// group puts the commands into groups.
func group(root *cobra.Command) {
	for _, g := range groups {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, cmd := range root.Commands() {
			if slices.Contains(g.commands, cmd.Name()) {
				cmd.GroupID = g.id
			}
		}
	}
	root.SetHelpCommandGroupID(groupHelp)
}
