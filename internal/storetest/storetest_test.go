package storetest

import (
	"testing"

	"github.com/wbic16/sq-go"
)

type model struct{}

func (model) Open(*testing.T) sq.Store { return NewModel() }

func TestModel(t *testing.T) { Run(t, func(*testing.T) Place { return model{} }) }
