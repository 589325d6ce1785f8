import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** The fold as a processor over a key-value store: a bar closes when its symbol's next minute begins. */
final class Fold implements Processor<String, byte[], String, byte[]> {
    static final String STORE = "forming";

    private final int id;
    private final Progress progress;
    private ProcessorContext<String, byte[]> context;
    private KeyValueStore<String, Bar> store;

    Fold(int id, Progress progress) {
        this.id = id;
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
            context.forward(record.withValue(bar.record(symbol)));
            bar = null;
        }
        store.put(symbol, (bar == null ? new Bar() : bar).add(tick));
        progress.tick();
    }
}
