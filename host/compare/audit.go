package compare

import (
	"context"
	"errors"
	"fmt"
	"time"

	"understudy/plugin/audit"
	"understudy/plugin/measure"
	"understudy/plugin/network"
	"understudy/plugin/population"
)

// auditWindows is about how many windows an audited run has; long runs have more, of
// audit.MaxWindowMS each.
const auditWindows = 10

// AuditResult is a finished audit of networks of surrogates.
type AuditResult struct {
	Setup   Setup      `json:"setup"`
	Regimes []Regime   `json:"regimes"`
	Rows    []AuditRow `json:"rows"` // regime by regime
}

// AuditRow is the audit of one network of surrogates, in which Audited have a detailed twin.
type AuditRow struct {
	Regime      string         `json:"regime"`
	Neurons     int            `json:"neurons"`
	SimulatedMS int            `json:"simulated_ms"`
	WarmUpMS    int            `json:"warm_up_ms"` // excluded from every figure
	Connections int            `json:"connections"`
	Audited     []int          `json:"audited"`
	WallMSPerMS float64        `json:"wall_ms_per_ms"` // of the network with its twins
	Total       audit.Window   `json:"total"`
	Windows     []audit.Window `json:"windows"`
	// Pictures are the curve, and the last window of the neuron with the median voltage error.
	Pictures   Pictures `json:"-"`
	PicturesMS int      `json:"-"` // step at which the pictures' series start
}

// RunAudit runs, for every workload and size in turn, a network of surrogates in which k
// neurons, or all where there are fewer, have a detailed twin that receives exactly the
// same events. c.Progress is told how far all is, in neuron-ms of twins, and of
// the agreement so far. It returns ctx.Err() soon after ctx ends. Memory does not grow with
// the simulated time, but by a window every ten seconds and the twins' spikes.
func RunAudit(ctx context.Context, c Config, k int) (*AuditResult, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if k < 1 {
		return nil, fmt.Errorf("%w: audit of %d neurons", population.ErrInput, k)
	}
	r := &AuditResult{}
	p := progress{tell: c.Progress}
	for i, n := range c.Neurons {
		p.total += min(k, n) * c.DurationMS[i] * len(c.Workloads)
	}
	for _, w := range c.Workloads {
		r.Regimes = append(r.Regimes, w.Regime)
		for i, n := range c.Neurons {
			row, err := c.audit(ctx, w, n, k, c.DurationMS[i], &p)
			if err != nil {
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				return nil, fmt.Errorf("audit of a %s network of %d: %w", w.Regime.Name, n, err)
			}
			r.Rows = append(r.Rows, *row)
		}
	}
	return r, nil
}

// audit runs one network.
func (c *Config) audit(ctx context.Context, w Workload, n, k, ms int, p *progress) (row *AuditRow, err error) {
	graph, err := network.Random(n, w.Graph)
	if err != nil {
		return nil, err
	}
	row = &AuditRow{Regime: w.Regime.Name, Neurons: n, SimulatedMS: ms, WarmUpMS: c.warmUp(ms), Connections: graph.Connections(), Audited: spread(n, k)}
	pop, err := c.audited(row)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, pop.Close()) }()
	net, err := network.New([]population.Population{pop}, graph, w.Drive, network.Options{})
	if err != nil {
		return nil, err
	}
	var wall time.Duration
	stage, windows := row.stage(pop), 0
	for done := 0; done < ms; {
		b := min(chunkMS, ms-done)
		start := time.Now()
		if err := net.Run(ctx, b, nil); err != nil {
			return nil, err
		}
		wall += time.Since(start)
		done += b
		if len(pop.Windows()) > windows {
			windows = len(pop.Windows())
			stage = row.stage(pop)
		}
		p.add(stage, b*len(row.Audited))
	}
	if err := pop.Finish(); err != nil {
		return nil, err
	}
	row.WallMSPerMS = wall.Seconds() * 1000 / float64(ms)
	row.Total, row.Windows = pop.Total(), pop.Windows()
	return row, row.draw(pop)
}

// audited makes the population and the twins of a row.
func (c *Config) audited(row *AuditRow) (*audit.Population, error) {
	surrogates, err := c.Surrogate(row.Neurons)
	if err != nil {
		return nil, fmt.Errorf("surrogate: %w", err)
	}
	twins, err := c.Detailed(len(row.Audited))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("detailed twins: %w", err), surrogates.Close())
	}
	window := min(max(1, (row.SimulatedMS-row.WarmUpMS)/auditWindows), audit.MaxWindowMS)
	pop, err := audit.New(surrogates, twins, row.Audited, audit.Options{WarmUpMS: row.WarmUpMS, WindowMS: window})
	if err != nil {
		return nil, errors.Join(err, surrogates.Close(), twins.Close())
	}
	return pop, nil
}

// stage says, for the progress, how the audited neurons agree so far.
func (w *AuditRow) stage(pop *audit.Population) string {
	s := fmt.Sprintf("%d surrogates, %d with a twin", w.Neurons, len(w.Audited))
	if len(pop.Windows()) == 0 {
		return s
	}
	f := pop.Total().Agreement
	return fmt.Sprintf("%s, until %d ms AUC %s, voltage %s mV, recall %s on %d spikes", s, pop.Total().ToMS,
		mark(f.AUC, 3), f.VoltageRMSE.Format(2), mark(f.Recall, 2), f.TrueSpikes)
}

// draw keeps what the report draws.
func (w *AuditRow) draw(pop *audit.Population) error {
	rmse, spiked := make([]float64, len(w.Audited)), make([]bool, len(w.Audited))
	for i := range w.Audited {
		t, one := pop.Trace(i), measure.NewRunning()
		if err := one.Add(measure.Trial{PSpike: t.PSpike, Spike: t.Spike, VSoma: t.VSoma, TrueVSoma: t.TwinVSoma}); err != nil {
			continue // the model predicts no voltage: no neuron is better than another
		}
		rmse[i], spiked[i] = one.Report().VoltageRMSE.Value, len(t.PeaksMS) > 0
	}
	i := typical(rmse, spiked)
	t := pop.Trace(i)
	w.PicturesMS = t.FromMS
	w.Pictures = Pictures{Neuron: w.Audited[i], DetailedV: t.TwinVSoma, SurrogateV: t.VSoma, SurrogateP: t.PSpike, PeaksMS: t.PeaksMS}
	if w.Total.Agreement.TrueSpikes > 0 {
		w.Pictures.FalsePositive, w.Pictures.TruePositive = pop.ROC().Thin(rocPoints)
	}
	return nil
}
