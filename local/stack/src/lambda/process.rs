//! One process of a function: from its start to its end.
//!
//! It leads a process group of its own, so that Ctrl-C on the terminal reaches
//! only the stack, which then ends its functions in order. Its environment is
//! what Lambda would give it and nothing of the user's.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::function::FunctionSettings;
use super::invocation::{Invocation, InvokeOutcome};
use super::log::{LogBook, LogLine};
use super::runtime_api::{Answer, Desk, RuntimeApi, Work};

/// How long a process may take until it first asks for work, as on Lambda.
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// A running process; it is killed when the last handle goes.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) id: u64,
    settings: Arc<FunctionSettings>,
    desk: Arc<Desk>,
    child: Arc<Mutex<Child>>,
    end: watch::Receiver<Option<End>>,
}

/// How a process ended.
#[derive(Debug, Clone, Copy)]
struct End {
    status: Option<ExitStatus>,
}

/// What became of an invocation that was given to a process.
#[derive(Debug)]
pub(super) enum Handled {
    /// It has an outcome.
    Outcome(InvokeOutcome),
    /// The process, which had worked before, ended without taking it: another can.
    NotTaken(Invocation),
}

impl Process {
    /// Starts the program.
    pub(super) fn start(
        id: u64,
        settings: &Arc<FunctionSettings>,
        runtime_api: &Arc<RuntimeApi>,
        logs: &LogBook,
    ) -> io::Result<Arc<Self>> {
        let desk = Arc::new(Desk::new());
        // Before the program runs: its first request must find it.
        runtime_api.open_desk(id, Arc::clone(&desk));
        let mut child = command(settings, id, &runtime_api.url(id))
            .spawn()
            .inspect_err(|_| runtime_api.close_desk(id))?;
        let printed =
            Printed { settings: Arc::clone(settings), desk: Arc::clone(&desk), logs: logs.clone() };
        let readers = printed.read_all(&mut child);
        let child = Arc::new(Mutex::new(child));
        let (ended, end) = watch::channel(None);
        let process = Self { id, settings: Arc::clone(settings), desk, child, end };
        tokio::spawn(process.until_its_end(readers, Arc::clone(runtime_api), ended));
        Ok(Arc::new(process))
    }

    /// Waits for the end of the process, clears up behind it, and tells of it.
    fn until_its_end(
        &self,
        readers: Vec<JoinHandle<()>>,
        runtime_api: Arc<RuntimeApi>,
        ended: watch::Sender<Option<End>>,
    ) -> impl Future<Output = ()> + use<> {
        let (id, child, desk) = (self.id, Arc::clone(&self.child), Arc::clone(&self.desk));
        async move {
            let status = exit(&child).await;
            for reader in readers {
                let _ = reader.await; // What it printed last belongs to its invocation.
            }
            runtime_api.close_desk(id);
            desk.clear();
            ended.send_replace(Some(End { status }));
        }
    }

    /// Whether it may still be given work.
    pub(super) fn is_alive(&self) -> bool {
        self.end.borrow().is_none()
    }

    /// The order that it is at work on.
    pub(super) fn order_id(&self) -> Option<String> {
        self.desk.order_id()
    }

    /// Kills it (SIGKILL): after this call it does nothing more. [`Process::ended`]
    /// tells when it is gone.
    pub(super) fn kill(&self) {
        // It fails only for a process that has ended already.
        let _ = lock(&self.child).start_kill();
    }

    /// Waits until the process is gone.
    pub(super) async fn ended(&self) -> Option<ExitStatus> {
        let mut end = self.end.clone();
        let seen = end.wait_for(Option::is_some).await;
        seen.ok().and_then(|end| end.and_then(|end| end.status))
    }

    /// Has it handle one invocation. `warm`: it has handled one before.
    pub(super) async fn handle(&self, invocation: Invocation, warm: bool) -> Handled {
        let (taken, is_taken) = oneshot::channel();
        let (answer, answered) = oneshot::channel();
        let limit = self.settings.timeout;
        self.desk.put(Work { invocation: invocation.clone(), limit, taken, answer });
        tokio::select! {
            biased;
            taken = timeout(INIT_LIMIT, is_taken) => match taken {
                Ok(Ok(())) => Handled::Outcome(self.outcome(&invocation, answered).await),
                _ => Handled::Outcome(self.give_up(&invocation, INIT_LIMIT).await),
            },
            _ = self.ended(), if warm => Handled::NotTaken(invocation),
            status = self.ended() => Handled::Outcome(invocation.exited(status)),
        }
    }

    /// The outcome of an invocation that the process has taken.
    async fn outcome(
        &self,
        invocation: &Invocation,
        answered: oneshot::Receiver<Answer>,
    ) -> InvokeOutcome {
        let limit = self.settings.timeout;
        match timeout(limit, answered).await {
            Ok(Ok(Answer::Done(payload))) => invocation.answered(payload),
            Ok(Ok(Answer::Failed(error))) => invocation.failed(error),
            Ok(Err(_)) => invocation.exited(self.ended().await),
            Err(_) => self.give_up(invocation, limit).await,
        }
    }

    async fn give_up(&self, invocation: &Invocation, limit: Duration) -> InvokeOutcome {
        self.kill();
        self.ended().await;
        invocation.timed_out(limit)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits for the end of a process. The lock is held only while it is looked at, so
/// that it can be killed meanwhile, and never once its id may be another's.
async fn exit(child: &Mutex<Child>) -> Option<ExitStatus> {
    let look = |context: &mut Context<'_>| pin!(lock(child).wait()).poll(context);
    poll_fn(look).await.ok()
}

fn lock(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

fn command(settings: &FunctionSettings, id: u64, runtime_api: &str) -> Command {
    let mut command = Command::new(&settings.binary);
    command
        .env_clear()
        .envs(lambda_environment(settings, id, runtime_api))
        .envs(&settings.environment)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    command
}

/// What Lambda adds to a function's environment. The key and the session's token tell
/// the AWS endpoint which function calls, and which process of it: every request that
/// is signed carries them.
fn lambda_environment(
    settings: &FunctionSettings,
    id: u64,
    runtime_api: &str,
) -> [(&'static str, String); 14] {
    let name = settings.name.clone();
    [
        ("AWS_ACCESS_KEY_ID", format!("{ACCESS_KEY_PREFIX}{name}")),
        ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
        ("AWS_SESSION_TOKEN", format!("{SESSION_PREFIX}{id}")),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023".to_owned()),
        ("AWS_LAMBDA_RUNTIME_API", runtime_api.to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", settings.memory_mb.to_string()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}")),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "local".to_owned()),
        ("TZ", ":UTC".to_owned()),
    ]
}

/// Before the function's name, the access key with which its process signs.
pub(crate) const ACCESS_KEY_PREFIX: &str = "local-";
/// Before the process's number, the token of its session.
pub(crate) const SESSION_PREFIX: &str = "process-";

/// Takes down what a process prints.
#[derive(Clone)]
struct Printed {
    settings: Arc<FunctionSettings>,
    desk: Arc<Desk>,
    logs: LogBook,
}

impl Printed {
    /// Reads both of the process's outputs until they end.
    fn read_all(self, child: &mut Child) -> Vec<JoinHandle<()>> {
        let out = child.stdout.take().map(|pipe| tokio::spawn(self.clone().read(pipe)));
        let err = child.stderr.take().map(|pipe| tokio::spawn(self.read(pipe)));
        out.into_iter().chain(err).collect()
    }

    async fn read(self, pipe: impl AsyncRead + Unpin) {
        let mut lines = BufReader::new(pipe).split(b'\n');
        while let Ok(Some(line)) = lines.next_segment().await {
            self.logs.add(LogLine {
                function: self.settings.name.clone(),
                request_id: self.desk.request_id(),
                text: String::from_utf8_lossy(&line).into_owned(),
            });
        }
    }
}
