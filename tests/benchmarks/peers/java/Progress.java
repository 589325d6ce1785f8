import java.lang.management.ManagementFactory;

/** Counts ticks, and prints the CPU time of the process at marks, as all peers do. */
final class Progress {
    private final long every;
    private volatile long count;

    Progress(long every) {
        this.every = every;
    }

    /** One tick was folded; called from one thread. */
    void tick() {
        long now = count + 1;
        count = now;
        if (now % every == 0) {
            print(now);
        }
    }

    long count() {
        return count;
    }

    static void print(long count) {
        var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        System.out.println(count + " " + system.getProcessCpuTime() / 1e9);
    }
}
