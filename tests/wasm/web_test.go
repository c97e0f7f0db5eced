package wasm

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"understudy/plugin/model/builtin"
	"understudy/plugin/surrogate"
	"understudy/wasm/web"
)

// site writes the page of the default model.
func site(t *testing.T) string {
	t.Helper()
	m, err := builtin.Default()
	if err != nil {
		t.Fatal(err)
	}
	files, err := web.Files(m, surrogate.Float32, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func serve(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.FileServer(http.Dir(site(t))))
	t.Cleanup(s.Close)
	return s.URL
}

// visit opens the page and waits until the neuron runs.
func visit(t *testing.T, width, height int) *browser {
	t.Helper()
	url := serve(t)
	b := open(t, width, height)
	b.call("Page.navigate", map[string]any{"url": url + "/index.html"}, nil)
	b.wait("time to pass", `document.readyState === "complete" && parseInt(document.getElementById("now").textContent) > 100`)
	return b
}

// set moves a slider as a user does.
func (b *browser) set(id string, value int) {
	b.t.Helper()
	b.eval(`(() => { const s = document.getElementById(%q); s.value = %d; s.dispatchEvent(new Event("input", { bubbles: true })); })()`, id, value)
}

func (b *browser) text(id string) string {
	b.t.Helper()
	s, _ := b.eval(`document.getElementById(%q).textContent`, id).(string)
	return s
}

func (b *browser) picture(name string) image.Image {
	b.t.Helper()
	raw := b.screenshot()
	if dir := os.Getenv("UNDERSTUDY_SCREENSHOTS"); dir != "" {
		os.WriteFile(filepath.Join(dir, name+".png"), raw, 0o666)
	}
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		b.t.Fatal(err)
	}
	return img
}

// canvas is where a canvas is in a picture.
func (b *browser) canvas(id string) image.Rectangle {
	b.t.Helper()
	r := b.eval(`(() => { const r = document.getElementById(%q).getBoundingClientRect(); return [r.left + scrollX, r.top + scrollY, r.right + scrollX, r.bottom + scrollY]; })()`, id).([]any)
	at := func(i int) int { return int(r[i].(float64)) }
	return image.Rect(at(0)+2, at(1)+2, at(2)-2, at(3)-2)
}

// inked counts the pixels that are not as the first one is, in each column.
func inked(img image.Image, r image.Rectangle) (columns []int, all int, colours map[color.Color]int) {
	colours = map[color.Color]int{}
	paper := img.At(r.Min.X, r.Min.Y)
	for x := r.Min.X; x < r.Max.X; x++ {
		n := 0
		for y := r.Min.Y; y < r.Max.Y; y++ {
			if c := img.At(x, y); c != paper {
				n++
				colours[c]++
			}
		}
		columns, all = append(columns, n), all+n
	}
	return columns, all, colours
}

func differing(a, b image.Image, r image.Rectangle) (n int) {
	for x := r.Min.X; x < r.Max.X; x++ {
		for y := r.Min.Y; y < r.Max.Y; y++ {
			if a.At(x, y) != b.At(x, y) {
				n++
			}
		}
	}
	return n
}

func (b *browser) noErrors() {
	b.t.Helper()
	if len(b.errors) > 0 {
		b.t.Errorf("the page has errors: %s", strings.Join(b.errors, "\n"))
	}
}

// The neuron is drawn, its voltage moves, it answers to its input with spikes and to silence with none.
func TestPage(t *testing.T) {
	b := visit(t, 1200, 1000)
	for _, id := range []string{"basal-exc", "oblique-exc", "tuft-exc"} {
		b.set(id, 40)
	}
	b.wait("spikes", `parseFloat(document.getElementById("rate").textContent) > 1`)
	b.wait("two seconds", `parseInt(document.getElementById("now").textContent) > 2100`)
	before := b.picture("page")
	cell, voltage, raster := b.canvas("cell"), b.canvas("voltage"), b.canvas("raster")
	if _, n, colours := inked(before, cell); n < 3000 || len(colours) < 4 {
		t.Errorf("the morphology covers %d pixels in %d colours", n, len(colours))
	}
	if columns, n, _ := inked(before, voltage); n < len(columns) {
		t.Errorf("the voltage covers %d pixels of %d columns", n, len(columns))
	}
	if _, n, _ := inked(before, raster); n < 20 {
		t.Errorf("the raster covers %d pixels", n)
	}
	b.eval(`new Promise((done) => setTimeout(done, 400))`)
	after := b.picture("page-later")
	for name, r := range map[string]image.Rectangle{"cell": cell, "voltage": voltage, "raster": raster} {
		if differing(before, after, r) < 10 {
			t.Errorf("%s does not change", name)
		}
	}

	// Silence, then a volley to a branch.
	for _, tree := range []string{"basal", "oblique", "tuft"} {
		b.set(tree+"-exc", 0)
		b.set(tree+"-inh", 0)
	}
	b.eval(`document.getElementById("reset").click()`)
	b.wait("rest", `parseInt(document.getElementById("now").textContent) > 500`)
	rest := b.eval(`parseFloat(document.getElementById("mv").textContent)`).(float64)
	if rate := b.text("rate"); rate != "0.0 Hz" || rest > -70 || rest < -90 {
		t.Errorf("without input %s, %v mV", rate, rest)
	}
	b.eval(`document.getElementById("run").click()`) // pauses
	b.eval(`new Promise((done) => setTimeout(done, 300))`)
	paused := b.text("now")
	b.eval(`new Promise((done) => setTimeout(done, 300))`)
	if now := b.text("now"); now != paused || b.text("run") != "Run" {
		t.Errorf("paused at %s, now at %s", paused, now)
	}
	quiet := b.picture("quiet")
	// A click on the trunk, just above the soma.
	at := b.eval(`(() => { const c = document.getElementById("cell"); c.scrollIntoView(); const r = c.getBoundingClientRect(); return [r.left, r.top, r.width, r.height]; })()`).([]any)
	x, y := at[0].(float64)+at[2].(float64)/2, at[1].(float64)+at[3].(float64)*0.7
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		b.call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}, nil)
	}
	if s := b.text("status"); !strings.HasPrefix(s, "Volley to ") {
		t.Errorf("a click says %q", s)
	}
	b.eval(`document.getElementById("run").click()`)
	b.eval(`new Promise((done) => setTimeout(done, 400))`)
	b.eval(`document.getElementById("run").click()`)
	b.eval(`scrollTo(0, 0)`)
	if n := differing(quiet, b.picture("volley"), voltage); n < 20 {
		t.Errorf("a volley changes %d pixels of the voltage", n)
	}
	b.noErrors()
}

// All controls are reached by the keyboard, in a visible order, and work.
func TestPageKeyboard(t *testing.T) {
	b := visit(t, 1200, 1000)
	b.eval(`document.body.focus()`)
	seen := map[string]bool{}
	var order []string
	for range 20 {
		b.key("Tab", "", 9)
		id, _ := b.eval(`document.activeElement.id`).(string)
		if id == "" || seen[id] {
			break
		}
		seen[id] = true
		order = append(order, id)
		if outline, _ := b.eval(`getComputedStyle(document.activeElement).outlineStyle`).(string); outline != "solid" {
			t.Errorf("%s: focus is not seen: outline %s", id, outline)
		}
	}
	want := "branch volley run reset neurons measure basal-exc basal-inh oblique-exc oblique-inh tuft-exc tuft-inh"
	if got := strings.Join(order, " "); got != want {
		t.Errorf("Tab goes to %s, want %s", got, want)
	}
	// Everything has a name for those who do not see it.
	if n := b.eval(`[...document.querySelectorAll("canvas")].filter((c) => !c.getAttribute("aria-label")).length + [...document.querySelectorAll("input, select")].filter((e) => e.labels.length === 0).length`); n != 0.0 {
		t.Errorf("%v controls or pictures have no name", n)
	}
	b.eval(`document.getElementById("volley").focus()`)
	b.key("Enter", "\r", 13)
	if s := b.text("status"); !strings.HasPrefix(s, "Volley to ") {
		t.Errorf("Enter on the button says %q", s)
	}
	b.eval(`document.getElementById("basal-exc").focus()`)
	before := b.eval(`document.getElementById("basal-exc").value`)
	b.key("ArrowRight", "", 39)
	if after := b.eval(`document.getElementById("basal-exc").value`); after == before {
		t.Errorf("the arrow key leaves the slider at %v", after)
	}
	b.eval(`document.getElementById("run").focus()`)
	b.key(" ", " ", 32)
	if s := b.text("run"); s != "Run" {
		t.Errorf("the space bar leaves the button at %q", s)
	}
	b.noErrors()
}

// On a phone nothing is wider than the screen; and a measurement ends with a number of neurons that then run.
func TestPagePhone(t *testing.T) {
	b := visit(t, 360, 740)
	if w := b.eval(`document.documentElement.scrollWidth`); w != 360.0 {
		t.Errorf("the page is %v pixels wide on a screen of 360", w)
	}
	if n := b.eval(`[...document.querySelectorAll("button, select, input[type=number]")].filter((e) => e.getBoundingClientRect().height < 40).length`); n != 0.0 {
		t.Errorf("%v controls are too small for a finger", n)
	}
	b.eval(`document.getElementById("measure").click()`)
	b.wait("the measurement", `/in real time/.test(document.getElementById("status").textContent)`)
	t.Log(b.text("status"))
	if n := b.eval(`Number(document.getElementById("neurons").value)`).(float64); n < 1 {
		t.Errorf("%v neurons", n)
	}
	b.wait("time to pass", `parseInt(document.getElementById("now").textContent) > 100`)
	if _, n, _ := inked(b.picture("phone"), b.canvas("cell")); n < 1000 {
		t.Errorf("the morphology covers %d pixels", n)
	}
	// A number that does not fit is refused.
	b.eval(`(() => { const n = document.getElementById("neurons"); n.value = 0; n.dispatchEvent(new Event("change")); })()`)
	b.wait("the refusal", `/0 neurons/.test(document.getElementById("status").textContent)`)
	b.noErrors()
}

// The page outlives more work than it can do in time, more than it can do at all, and errors.
func TestPageLoad(t *testing.T) {
	b := visit(t, 1200, 1000)
	neurons := func(n string) {
		b.eval(`(() => { const n = document.getElementById("neurons"); n.value = %q; n.dispatchEvent(new Event("change")); })()`, n)
	}
	for _, c := range []struct{ n, says string }{{"100000", "100000 neurons: at most 16384"}, {"", "Number of neurons: not a number"}} {
		neurons(c.n)
		b.wait("the refusal", fmt.Sprintf(`document.getElementById("status").textContent.startsWith(%q)`, c.says))
	}
	for _, id := range []string{"basal-exc", "basal-inh", "oblique-exc", "oblique-inh", "tuft-exc", "tuft-inh"} {
		b.set(id, 60)
	}
	// The field's most, and two volleys to every branch at once: more events than the module takes.
	neurons(b.eval(`document.getElementById("neurons").max`).(string))
	b.wait("the neurons", `document.getElementById("status").textContent === "" && parseInt(document.getElementById("now").textContent) === 0`)
	b.eval(`(() => { const s = document.getElementById("branch"); for (const o of s.options) { s.value = o.value; document.getElementById("volley").click(); document.getElementById("volley").click(); } })()`)
	b.wait("a few steps", `parseInt(document.getElementById("now").textContent) > 2`)
	if s := b.text("status"); !strings.HasPrefix(s, "Volley to ") {
		t.Errorf("the page says %q", s)
	}
	neurons("1")
	b.wait("one neuron in time", `document.getElementById("status").textContent === "" && parseInt(document.getElementById("now").textContent) > 200`)

	b.eval(`(() => { window.random = Math.random; Math.random = () => { throw new Error("no more chance"); }; })()`)
	b.wait("the message", `document.getElementById("status").textContent === "Stopped: no more chance"`)
	if s := b.text("run"); s != "Run" {
		t.Errorf("after an error the button says %q", s)
	}
	b.eval(`(() => { Math.random = random; document.getElementById("run").click(); })()`)
	now := b.eval(`parseInt(document.getElementById("now").textContent)`)
	b.wait("time to pass again", fmt.Sprintf(`parseInt(document.getElementById("now").textContent) > %v`, now))
	b.noErrors()
}

// Opened as a file the page says what it needs: browsers load no modules from files.
func TestPageFile(t *testing.T) {
	b := open(t, 1200, 1000)
	b.call("Page.navigate", map[string]any{"url": "file://" + filepath.Join(site(t), "index.html")}, nil)
	b.wait("the message", `document.readyState === "complete" && /needs a server/.test(document.getElementById("model").textContent)`)
}
