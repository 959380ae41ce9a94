package spec

import "fmt"

// What HCL cannot take from a variable (the name of a key, a block, a label)
// is written out with the value that the variable was given.

const needsValue = "Give it with --var or --vars-file: its value is written into the result."

// resolve answers what stands in the place of a variable that is a block, or
// a list of blocks.
func (c *converter) resolve(src *source, n *node) *node {
	if _, whole := c.refers(n); !whole {
		return n
	}
	name := c.pieces(n)[0].name
	v := c.value(name)
	if v == nil {
		c.refuse(src, n, fmt.Sprintf("((%s)) stands for a part of the file that HCL does not take from a variable", name), needsValue)
		return n
	}
	c.leave(src, n, fmt.Sprintf("((%s)) is written out with the value it has now", name), "HCL does not take this part of a file from a variable.")
	return v.at(n)
}

// resolveText is the same for a text with variables in it.
func (c *converter) resolveText(src *source, n *node) *node {
	refers, whole := c.refers(n)
	if whole {
		return c.resolve(src, n)
	}
	if !refers {
		return n
	}
	for _, p := range c.pieces(n) {
		if p.name != "" && c.value(p.name) == nil {
			c.refuse(src, n, fmt.Sprintf("((%s)) stands in a name that HCL does not take from a variable", p.name), needsValue)
			return n
		}
	}
	c.leave(src, n, n.str+" is written out with the value it has now", "HCL does not take this name from a variable.")
	return c.sampleText(n)
}

// writeOut makes everything of an app static that HCL needs to be.
func (c *converter) writeOut(src *source, app *node) {
	c.staticKeys(src, app)
	for i, e := range app.entries {
		k, ok := keyOf(appTable, e.key.text())
		if !ok || k.block == "" {
			continue
		}
		val := c.resolve(src, e.val)
		app.entries[i].val = val
		for j, item := range val.items {
			item = c.resolve(src, item)
			val.items[j] = item
			c.staticKeys(src, item)
			for l, field := range item.entries {
				if name := field.key.text(); name == "type" || name == "name" {
					item.entries[l].val = c.resolveText(src, field.val)
				}
			}
		}
		c.staticKeys(src, val)
	}
	app.index = nil
}

func (c *converter) staticKeys(src *source, n *node) {
	for i, e := range n.entries {
		n.entries[i].key = c.resolveText(src, e.key)
	}
	n.index = nil
}
