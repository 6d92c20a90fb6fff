package tenant

// The rules that hold between tenants. Each reports the later one in the file,
// and tells the line of the earlier.

// checkIDs holds the list form to one entry an id.
func (p *parser) checkIDs() error {
	first := make(map[string]int, len(p.drafts))
	for i := range p.drafts {
		d := &p.drafts[i]
		name := d.entry.Tenant.Name
		if j, ok := first[name]; ok {
			return p.Errorf(d.nameAt, "%sthe id stands twice, first on line %d; remove one, or use the map form for two tokens of one tenant",
				d.subject(": "), p.Line(p.drafts[j].nameAt))
		}
		first[name] = i
	}
	return nil
}

// checkTokens refuses a token that stands twice, in whatever form.
func (p *parser) checkTokens() error {
	first := make(map[TokenHash]int, len(p.drafts))
	for i := range p.drafts {
		d := &p.drafts[i]
		if j, ok := first[d.entry.Token]; ok {
			return p.sameToken(d, &p.drafts[j])
		}
		first[d.entry.Token] = i
	}
	if i, ok := first[p.config.AdminKey]; ok && p.config.AdminKey != (TokenHash{}) {
		d := &p.drafts[i]
		return p.Errorf(p.adminAt, "admin_key is the token of %s on line %d; make the administration one of its own",
			d.subject(""), p.Line(d.tokenAt))
	}
	return nil
}

func (p *parser) sameToken(d, first *draft) error {
	line := p.Line(first.tokenAt)
	if d.entry.Tenant.Name == first.entry.Tenant.Name {
		return p.Errorf(d.tokenAt, "%sthe token stands twice, first on line %d; remove one", d.subject(": "), line)
	}
	return p.Errorf(d.tokenAt, "%sthe token is also that of %s on line %d; make each its own", d.subject(": "), first.subject(""), line)
}

// checkNames holds the entries of one tenant to one directory and the same
// limits, and gives the first of them the limits that any of them gives.
func (p *parser) checkNames() error {
	p.byName = make(map[string]int, len(p.drafts))
	for i := range p.drafts {
		d := &p.drafts[i]
		j, ok := p.byName[d.entry.Tenant.Name]
		if !ok {
			p.byName[d.entry.Tenant.Name] = i
			continue
		}
		if err := p.sameTenant(d, &p.drafts[j]); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) sameTenant(d, first *draft) error {
	if d.entry.Tenant.DataDir != first.entry.Tenant.DataDir {
		return p.Errorf(d.dirAt, "%sthe directory is another one than on line %d; give the tenant one directory, or this one another name",
			d.subject(": "), p.Line(first.dirAt))
	}
	if field, at, before := first.limits.merge(&d.limits); field != "" {
		return p.Errorf(at, "%s%s differs from line %d; make them equal, or remove one", d.subject(": "), field, p.Line(before))
	}
	return nil
}

// merge takes over what l lacks and other gives. It returns the first limit
// that both give and that differs, and where it stands in other and in l.
func (l *limits) merge(other *limits) (field string, at, before int) {
	switch {
	case !l.quota.merge(other.quota):
		return "quota_mb", other.quota.at, l.quota.at
	case !l.perSecond.merge(other.perSecond):
		return "requests_per_second", other.perSecond.at, l.perSecond.at
	case !l.perDay.merge(other.perDay):
		return "requests_per_day", other.perDay.at, l.perDay.at
	case !l.durability.merge(other.durability):
		return "durability", other.durability.at, l.durability.at
	}
	return "", 0, 0
}

func (l *limit[T]) merge(other limit[T]) bool {
	if l.at == 0 {
		*l = other
	}
	return other.at == 0 || l.value == other.value
}

// finish makes the configuration of drafts that keep every rule.
func (p *parser) finish() *Config {
	c := p.config
	c.Entries = make([]Entry, len(p.drafts))
	for i := range p.drafts {
		d := &p.drafts[i]
		c.Entries[i] = d.complete(&p.drafts[p.byName[d.entry.Tenant.Name]].limits)
	}
	return &c
}

// complete returns the entry of a draft with its tenant's limits.
func (d *draft) complete(limits *limits) Entry {
	e := d.entry
	e.Tenant.QuotaBytes = limits.quota.value << mbShift
	e.Tenant.RequestsPerSecond = limits.perSecond.value
	e.Tenant.RequestsPerDay = limits.perDay.value
	e.Durability = limits.durability.value
	return e
}

// mbShift turns megabytes into bytes.
const mbShift = 20

const _ int64 = maxQuotaMB << mbShift // the largest quota fits
