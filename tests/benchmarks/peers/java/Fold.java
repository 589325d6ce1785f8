import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * The fold as a processor over a key-value store: a bar closes when its symbol's next minute begins, one of a
 * second, where these are wanted, with its next second, and a forming one goes out with the first tick of each
 * quarter of a second; where forming ones are what is wanted, the others go out beside them.
 */
final class Fold implements Processor<String, byte[], String, byte[]> {
    static final String STORE = "forming";
    private static final long QUARTER = 250_000_000L;

    /** What goes out. */
    enum Wanted {
        MINUTES,
        FORMING,
        ALL
    }

    private static final String SECOND = "/1s";

    private final int id;
    private final Progress progress;
    private final Wanted wanted;
    private final Map<String, Long> shown = new HashMap<>();
    private ProcessorContext<String, byte[]> context;
    private KeyValueStore<String, Bar> store;

    Fold(int id, Progress progress, Wanted wanted) {
        this.id = id;
        this.wanted = wanted;
        this.progress = progress;
    }

    @Override
    public void init(ProcessorContext<String, byte[]> given) {
        context = given;
        store = given.getStateStore(STORE);
    }

    @Override
    public void process(Record<String, byte[]> record) {
        Tick tick = Tick.read(record.value(), id);
        if (tick == null) {
            return;
        }
        String symbol = record.key();
        String minutes = wanted == Wanted.FORMING ? Bars.BESIDE : Bars.FIRST;
        Bar bar = add(symbol, symbol, tick, Bar.MINUTE, record, minutes);
        if (wanted != Wanted.MINUTES) {
            add(symbol + SECOND, symbol, tick, Bar.SECOND, record, Bars.BESIDE);
        }
        Long quarter = tick.time() / QUARTER;
        if (wanted != Wanted.MINUTES && !quarter.equals(shown.put(symbol, quarter))) {
            String sink = wanted == Wanted.FORMING ? Bars.FIRST : Bars.BESIDE;
            context.forward(record.withValue(bar.record(symbol, tick.time())), sink);
        }
        progress.tick();
    }

    /** Folds a tick into the bar of a key; the one before it goes out to a sink when it is over. */
    private Bar add(String key, String symbol, Tick tick, long length, Record<String, byte[]> record, String sink) {
        Bar bar = store.get(key);
        if (bar != null && tick.time() >= bar.start + length) {
            context.forward(record.withValue(bar.record(symbol, bar.start)), sink);
            bar = null;
        }
        bar = (bar == null ? new Bar() : bar).add(tick, length);
        store.put(key, bar);
        return bar;
    }
}
