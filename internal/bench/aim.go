package bench

// Aim is what a row has to reach. Its bound is "at most 0" unless it is said.
type Aim struct {
	Row     string
	Bound   Bound
	Because string
}

// Bound is how far a row's number of ours, or its ratio, may go.
type Bound struct {
	ratio, least bool
	value        float64
}

// AtMost bounds a number of ours.
func AtMost(value float64) Bound { return Bound{value: value} }

// RatioAtLeast bounds a ratio.
func RatioAtLeast(value float64) Bound { return Bound{ratio: true, least: true, value: value} }

// of is the number of a row that the bound is about; nil when the row does not have it.
func (b Bound) of(r Row) *float64 {
	if b.ratio {
		return r.Ratio()
	}
	return &r.Ours
}

func (b Bound) holds(value float64) bool {
	if b.least {
		return value >= b.value
	}
	return value <= b.value
}

func (b Bound) figure() string {
	if b.ratio {
		return "ratio"
	}
	return "ours"
}

func (b Bound) limit() string {
	if b.least {
		return "at least " + number(&b.value)
	}
	return "at most " + number(&b.value)
}
