import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * The fold as a processor over a key-value store: a bar closes when its symbol's next minute begins, and, if it
 * is to be shown while it forms, goes out with the first tick of each quarter of a second.
 */
final class Fold implements Processor<String, byte[], String, byte[]> {
    static final String STORE = "forming";
    private static final long QUARTER = 250_000_000L;

    private final int id;
    private final Progress progress;
    private final boolean forming;
    private final Map<String, Long> shown = new HashMap<>();
    private ProcessorContext<String, byte[]> context;
    private KeyValueStore<String, Bar> store;

    Fold(int id, Progress progress, boolean forming) {
        this.id = id;
        this.forming = forming;
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
        Bar bar = store.get(symbol);
        if (bar != null && tick.time() >= bar.start + Bar.MINUTE) {
            if (!forming) {
                context.forward(record.withValue(bar.record(symbol, bar.start)));
            }
            bar = null;
        }
        bar = (bar == null ? new Bar() : bar).add(tick);
        store.put(symbol, bar);
        Long quarter = tick.time() / QUARTER;
        if (forming && !quarter.equals(shown.put(symbol, quarter))) {
            context.forward(record.withValue(bar.record(symbol, tick.time())));
        }
        progress.tick();
    }
}
