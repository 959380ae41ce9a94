package stage

import (
	"context"
	"errors"
	"fmt"

	"wadi/stage/remote"
)

// pinRemote pins what lies on a server. Key and Name are those of its address
// where it has none.
func (b *Buildpacks) pinRemote(ctx context.Context, pin BuildpackPin, source, sum string, sensitive bool) (BuildpackPin, error) {
	address, err := remote.Parse(source)
	if err != nil {
		var refused *remote.AddressError
		if sensitive && errors.As(err, &refused) {
			refused.Shown = "(sensitive)"
		}
		return pin, named(pin, err)
	}
	if sensitive {
		address = address.Hide()
	}
	if pin.Key == "" {
		pin.Key, pin.Name = address.Shown, address.Name()
		if sensitive {
			pin.Name = "sensitive"
		}
	}
	pin.Remote = &remote.Pin{Address: address}
	at, err := b.Store.Pin(ctx, address, sum)
	var away *remote.UnreachableError
	switch {
	case errors.As(err, &away):
		pin.Unreached = named(pin, err)
	case err != nil:
		return pin, named(pin, err)
	default:
		pin.Remote, pin.Digest = &at, at.Digest
	}
	return pin, nil
}

// Fetch is the tree of a pinned buildpack that is no built-in: one that lies
// on a server is downloaded, unless the cache has it.
func (b *Buildpacks) Fetch(ctx context.Context, pin BuildpackPin) (*Tree, error) {
	if pin.Tree != nil {
		return pin.Tree, nil
	}
	if pin.Digest == "" {
		return nil, fmt.Errorf("%w: run the command again once it can be reached", pin.Unreached)
	}
	dir, err := b.Store.Fetch(ctx, *pin.Remote)
	if err != nil {
		return nil, named(pin, err)
	}
	return b.scan(ctx, pin, dir, pin.Remote.Address.Shown)
}
