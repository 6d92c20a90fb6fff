package main

import (
	"net/http"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/internal/web"
)

// basicFile is what sq basic serves.
const basicFile = "index.phext"

const basicLong = `Serve index.phext of this folder as sq share does, and an editor for it to the
browsers of this machine, on port 1337 or the one of --port.

The editor lists the scrolls, goes to any coordinate, and writes there. It shows
what others write meanwhile, and writes over nothing that it has not shown. The
API is on that port too, and needs no token: every program and every user of
this machine may use it, but no web page of another site, and no other machine.

sq help share tells how to put it in the background, and what ends it.

Exit status: 0 after a shutdown or a signal, 1 when it could not start or
failed, 2 for wrong usage.`

const basicExample = `  sq basic                             then open http://127.0.0.1:1337/
  sq basic --port 8080                 on another port
  sq basic --port 0                    on one that the system picks`

func newBasic(out outside) *cobra.Command {
	var level, port string
	cmd := &cobra.Command{
		Use:     "basic",
		Short:   "edit index.phext in the browser",
		Long:    basicLong,
		Example: basicExample,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := newDaemon(basicFile)
			if err != nil {
				return err
			}
			number, err := strconv.ParseUint(port, 10, 16)
			if err != nil {
				return usage("sq basic --port 8080", "--port is %q; a number from 0 to 65535 is wanted", port)
			}
			d.edit(uint16(number))
			return d.start(cmd.Context(), level, out)
		},
	}
	cmd.Flags().StringVar(&port, "port", "1337", "the `port` of the editor; 0: the system picks one")
	registerDaemonLog(cmd.Flags(), &level)
	return cmd
}

// edit has the daemon serve an editor on a port.
func (d *daemon) edit(port uint16) {
	editor := web.Editor{Phext: d.phext, Place: d.file}
	get := func(a api.Action) map[string]api.Action { return map[string]api.Action{http.MethodGet: a} }
	d.web, d.settings.port = true, port
	d.settings.more = append(d.settings.more,
		api.Route{Path: "/{$}", Name: "editor", Methods: get(editor.Page)},
		api.Route{Path: web.Assets, Name: "editor-assets", Methods: get(editor.Asset)},
	)
}
