//! Processes that are killed, again and again, at requests that are counted and around their commits.
//!
//! Each strategy fills each destination in a chain of runs. The source goes on changing between them, and kills add up
//! in one destination until a run reaches the end of the source; then another destination is begun. After each kill
//! the destination holds whole checkpoints only, and at the end of a chain it equals the source.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Contents, Row, Sink, Source, Workspace, expected};

/// Each strategy with its configuration for [`PAGE`]. Ranges of IDs show no updates, so step-size gets new rows only.
const STRATEGIES: [(&str, &[&str], usize); 5] = [
    ("keyset", &[], 3),
    ("offset", &["page_size: 10"], 3),
    ("timestamp", &[], 3),
    ("step-size", &[], 0),
    ("replay", &[], 3),
];

const RECORDS: usize = 160;
const PAGE: usize = 10;

/// Requests at which runs are killed, counted from one.
const REQUESTS: u32 = 8;

/// Long enough for a run to do anything that it is going to do.
const PATIENCE: Duration = Duration::from_secs(20);

/// A run commits what is sealed after 400 ms, whatever it waits for.
const COMMITS_WITHIN: Duration = Duration::from_millis(1_500);

/// When a run is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// This request was received, and nothing answered.
    Asked(u32),
    /// This request was answered, and then so much time went by.
    Answered(u32, Duration),
    /// While this request waited for its answer a commit began, and then so much time went by.
    Committing(u32, Duration),
}

impl Moment {
    fn request(self) -> u32 {
        match self {
            Moment::Asked(request) | Moment::Answered(request, _) | Moment::Committing(request, _) => request,
        }
    }
}

/// What was tried and compared.
#[derive(Debug, Default)]
struct Tally {
    kills: usize,
    /// Kills that left something behind the last checkpoint.
    torn: usize,
    runs: usize,
    rows: usize,
}

#[test]
fn whenever_a_process_is_killed_nothing_is_lost_and_nothing_comes_twice() {
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let chain = |strategy, sink| scope.spawn(move || Chain::new(strategy, sink).run());
        let chains: Vec<_> =
            (0..STRATEGIES.len()).flat_map(|at| [Sink::Sqlite, Sink::Jsonl].map(|sink| chain(at, sink))).collect();
        chains.into_iter().map(|chain| chain.join().expect("a chain without losses")).collect()
    });
    let sum = |figure: fn(&Tally) -> usize| tallies.iter().map(figure).sum::<usize>();
    let (kills, torn, runs, rows) =
        (sum(|tally| tally.kills), sum(|tally| tally.torn), sum(|tally| tally.runs), sum(|tally| tally.rows));
    println!("{kills} kills in {runs} runs, {torn} of them within the lines of a commit; {rows} rows compared, 0 lost");
    assert!(kills >= 200, "{kills} kills");
}

/// One strategy that fills one kind of destination.
struct Chain {
    strategy: usize,
    sink: Sink,
    source: Source,
    workspace: Workspace,
    /// Every version of a row that the source has ever served.
    served: BTreeSet<Row>,
    tally: Tally,
}

impl Chain {
    fn new(strategy: usize, sink: Sink) -> Chain {
        let source = Source::start(RECORDS, PAGE);
        let workspace = fresh(strategy, sink, &source);
        Chain { strategy, sink, source, workspace, served: BTreeSet::new(), tally: Tally::default() }
    }

    fn run(mut self) -> Tally {
        for request in 1..=REQUESTS {
            let (short, long) = (Duration::from_micros(150), Duration::from_micros(700));
            let mut moments = vec![Moment::Asked(request), Moment::Answered(request, long * request)];
            if request > 1 {
                moments.extend([0, 1, request].map(|times| Moment::Committing(request, short * times)));
            }
            for moment in moments {
                self.kill_at(moment);
            }
        }
        self.complete();
        self.tally
    }

    /// Runs until the moment has come, and kills. A run that ends before has read the whole source.
    fn kill_at(&mut self, moment: Moment) {
        self.served.extend(self.expected().into_values());
        while !self.kill_one(moment) {
            self.check_complete();
            self.workspace = fresh(self.strategy, self.sink, &self.source);
        }
        self.tally.kills += 1;
        self.check_consistent(moment);
        self.source.change(STRATEGIES[self.strategy].2, 3);
    }

    fn kill_one(&mut self, moment: Moment) -> bool {
        self.tally.runs += 1;
        self.source.hold(moment.request());
        let mut child = self.start();
        let ended_before = !self.wait(&mut child, moment.request());
        if !ended_before {
            match moment {
                Moment::Asked(_) => {}
                Moment::Answered(_, delay) => {
                    self.source.release();
                    std::thread::sleep(delay);
                }
                Moment::Committing(_, delay) => {
                    self.wait_for_commit();
                    spin(delay);
                }
            }
        }
        // A run that was answered may have ended by itself meanwhile.
        let killed = !ended_before && child.try_wait().expect("a process").is_none();
        child.kill().expect("it is killed");
        let status = child.wait().expect("it ends");
        assert!(status.code().is_none_or(|code| code == 0), "{} {moment:?}: {status}", self.name());
        self.source.release();
        killed && status.code().is_none()
    }

    fn start(&self) -> Child {
        let mut command = self.workspace.command(&["sync", "users.yaml", "--quiet"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts")
    }

    /// Whether the request came before the run ended.
    fn wait(&self, child: &mut Child, request: u32) -> bool {
        let patience = Instant::now() + PATIENCE;
        while Instant::now() < patience {
            if self.source.has_arrived(request, Duration::from_millis(20)) {
                return true;
            }
            if child.try_wait().expect("a process").is_some() {
                return false;
            }
        }
        panic!("{}: neither request {request} nor the end came", self.name());
    }

    /// Waits until a file of the destination has another length. Where no checkpoint was sealed so far, none will.
    fn wait_for_commit(&self) {
        let lengths = || {
            let length = |file: &&str| std::fs::metadata(self.workspace.path(file)).map_or(0, |file| file.len());
            self.sink.files().iter().map(length).collect::<Vec<_>>()
        };
        let (before, patience) = (lengths(), Instant::now() + COMMITS_WITHIN);
        while lengths() == before && Instant::now() < patience {
            std::thread::yield_now();
        }
    }

    /// After a kill: rows that the source has served, whole, and all of those that the state covers.
    fn check_consistent(&mut self, moment: Moment) {
        let contents = self.workspace.contents(self.sink);
        self.tally.torn += usize::from(contents.torn);
        self.tally.rows += contents.rows.len();
        let place = format!("{} {moment:?}", self.name());
        for row in contents.rows.values() {
            assert!(self.served.contains(row), "{place}: the source never had {row:?}");
        }
        assert!(contents.rows.is_empty() || contents.state.is_some(), "{place}: rows without a state");
        for (key, row) in self.expected() {
            if is_covered(&contents, &row) {
                assert_eq!(contents.rows.get(&key), Some(&row), "{place}: lost, under {:?}", contents.state);
            }
        }
    }

    /// A run to the end, and one more that finds nothing new.
    fn complete(&mut self) {
        for _ in 0..2 {
            self.tally.runs += 1;
            let outcome = self.workspace.run(&["sync", "users.yaml"]);
            assert_eq!(outcome.code, 0, "{}: {outcome:?}", self.name());
            self.check_complete();
        }
        if self.sink == Sink::Sqlite {
            let report = self.workspace.sync("users.yaml", &[]);
            let changes = ["inserted", "updated", "deleted"].map(|count| report[count].as_u64());
            assert_eq!(changes, [Some(0); 3], "{}: {report}", self.name());
        }
    }

    fn check_complete(&mut self) {
        let contents = self.workspace.contents(self.sink);
        self.tally.rows += contents.rows.len();
        assert!(!contents.torn, "{}: something stands behind the last checkpoint", self.name());
        assert_eq!(contents.rows, self.expected(), "{}", self.name());
    }

    /// What the destination has to hold in the end.
    fn expected(&self) -> BTreeMap<String, Row> {
        let mut records = self.source.records();
        if self.name() == "step-size" {
            // The endpoint for ranges of IDs serves numbers for them.
            records.iter_mut().zip(1..).for_each(|(record, number)| record["id"] = number.to_string().into());
        }
        expected(&records)
    }

    fn name(&self) -> &'static str {
        STRATEGIES[self.strategy].0
    }
}

/// Another destination, with nothing in it.
fn fresh(strategy: usize, sink: Sink, source: &Source) -> Workspace {
    let (name, config, _) = STRATEGIES[strategy];
    let workspace = Workspace::new();
    workspace.connection_to(sink, "users", name, &source.url(), config);
    workspace
}

/// Whether the state says that a row of the source has been read: it lies before the cursor, or has a lower number.
fn is_covered(contents: &Contents, row: &Row) -> bool {
    let Some(state) = &contents.state else { return false };
    let cursor = ["last_updated_at", "last_timestamp"].iter().find_map(|name| state[*name].as_str());
    let is_below = |next: u64| row[0].parse().is_ok_and(|id: u64| id < next);
    cursor.is_some_and(|cursor| row[row.len() - 1].as_str() < cursor)
        || state["current_id"].as_u64().is_some_and(is_below)
}

/// Waits without sleeping, since sleeping takes longer than a commit.
fn spin(delay: Duration) {
    let start = Instant::now();
    while start.elapsed() < delay {
        std::hint::spin_loop();
    }
}
