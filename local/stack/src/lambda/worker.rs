//! One worker process of a function: Lambda calls it an execution environment.
//!
//! The process leads its own process group, so Ctrl-C on the terminal reaches only the
//! stack, which then stops its workers in order. Its environment contains what Lambda
//! provides and nothing of the user's.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
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

use super::invocation::{Invocation, InvokeOutcome};
use super::logs::{FunctionLogs, LogLine};
use super::runtime_api::{QueuedInvocation, RuntimeApi, RuntimeResponse, WorkerChannel};
use super::settings::FunctionSettings;
use crate::iam::credentials::WorkerCredentials;

/// The time limit of a worker's initialization, as on Lambda.
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// A running process. It is killed when the last handle is dropped.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) id: u64,
    settings: Arc<FunctionSettings>,
    channel: Arc<WorkerChannel>,
    child: Arc<Mutex<Child>>,
    exit: watch::Receiver<Option<Exit>>,
}

/// The exit of a process.
#[derive(Debug, Clone, Copy)]
struct Exit {
    status: Option<ExitStatus>,
}

/// The result of giving an invocation to a worker.
#[derive(Debug)]
pub(super) enum WorkerResult {
    /// The invocation has an outcome.
    Finished(InvokeOutcome),
    /// A warm worker exited before it started the invocation: another worker can run it.
    NotStarted(Invocation),
}

impl Worker {
    /// Starts the binary with these credentials.
    pub(super) fn start(
        credentials: &WorkerCredentials,
        settings: &Arc<FunctionSettings>,
        logs: &FunctionLogs,
    ) -> io::Result<Arc<Self>> {
        let id = credentials.worker;
        let channel = Arc::new(WorkerChannel::new());
        let runtime_api = RuntimeApi::open(id, Arc::clone(&channel))?;
        let mut child = command(settings, credentials, runtime_api.address()).spawn()?;
        let output = OutputReader {
            settings: Arc::clone(settings),
            channel: Arc::clone(&channel),
            logs: logs.clone(),
        };
        let readers = output.spawn(&mut child);
        let child = Arc::new(Mutex::new(child));
        let (exited, exit) = watch::channel(None);
        let worker = Self { id, settings: Arc::clone(settings), channel, child, exit };
        tokio::spawn(worker.reap(readers, runtime_api, exited));
        Ok(Arc::new(worker))
    }

    /// Waits for the exit of the process, cleans up, and publishes the exit.
    fn reap(
        &self,
        readers: Vec<JoinHandle<()>>,
        runtime_api: RuntimeApi,
        exited: watch::Sender<Option<Exit>>,
    ) -> impl Future<Output = ()> + use<> {
        let (child, channel) = (Arc::clone(&self.child), Arc::clone(&self.channel));
        async move {
            let status = wait_for_exit(&child).await;
            for reader in readers {
                let _ = reader.await; // The last lines belong to the running invocation.
            }
            drop(runtime_api);
            channel.abandon_current();
            exited.send_replace(Some(Exit { status }));
        }
    }

    /// Whether the worker can run another invocation.
    pub(super) fn is_alive(&self) -> bool {
        self.exit.borrow().is_none()
    }

    /// The order of the running invocation.
    pub(super) fn order_id(&self) -> Option<String> {
        self.channel.order_id()
    }

    /// Kills the process (SIGKILL). [`Worker::exited`] returns once it is gone.
    pub(super) fn kill(&self) {
        // Fails only for a process that has exited already.
        let _ = lock(&self.child).start_kill();
    }

    /// Waits until the process is gone.
    pub(super) async fn exited(&self) -> Option<ExitStatus> {
        let mut exit = self.exit.clone();
        let seen = exit.wait_for(Option::is_some).await;
        seen.ok().and_then(|exit| exit.and_then(|exit| exit.status))
    }

    /// Runs one invocation. `warm`: the worker has run one before.
    pub(super) async fn run(&self, invocation: Invocation, warm: bool) -> WorkerResult {
        let (started, has_started) = oneshot::channel();
        let (response, responded) = oneshot::channel();
        let limit = self.settings.timeout;
        let queued = QueuedInvocation { invocation: invocation.clone(), limit, started, response };
        self.channel.enqueue(queued);
        tokio::select! {
            biased;
            started = timeout(INIT_LIMIT, has_started) => match started {
                Ok(Ok(())) => WorkerResult::Finished(self.outcome(&invocation, responded).await),
                _ => WorkerResult::Finished(self.time_out(&invocation, INIT_LIMIT).await),
            },
            _ = self.exited(), if warm => WorkerResult::NotStarted(invocation),
            status = self.exited() => WorkerResult::Finished(invocation.exited(status)),
        }
    }

    /// The outcome of an invocation that has started.
    async fn outcome(
        &self,
        invocation: &Invocation,
        responded: oneshot::Receiver<RuntimeResponse>,
    ) -> InvokeOutcome {
        let limit = self.settings.timeout;
        match timeout(limit, responded).await {
            Ok(Ok(RuntimeResponse::Success(payload))) => invocation.succeeded(payload),
            Ok(Ok(RuntimeResponse::Error(error))) => invocation.failed(error),
            Ok(Err(_)) => invocation.exited(self.exited().await),
            Err(_) => self.time_out(invocation, limit).await,
        }
    }

    async fn time_out(&self, invocation: &Invocation, limit: Duration) -> InvokeOutcome {
        self.kill();
        self.exited().await;
        invocation.timed_out(limit)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits for the exit of a process. The lock is held only during a poll, so the process
/// can be killed meanwhile, and never after its process id may be reused.
async fn wait_for_exit(child: &Mutex<Child>) -> Option<ExitStatus> {
    let poll = |context: &mut Context<'_>| pin!(lock(child).wait()).poll(context);
    poll_fn(poll).await.ok()
}

fn lock(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

fn command(
    settings: &FunctionSettings,
    credentials: &WorkerCredentials,
    runtime_api: SocketAddr,
) -> Command {
    let mut command = Command::new(&settings.binary);
    command
        .env_clear()
        .envs(lambda_environment(settings, credentials, runtime_api))
        .envs(&settings.environment)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    command
}

/// The variables that Lambda adds to a function's environment. The SDK signs each request
/// with the credentials, so the AWS endpoint learns which function and which worker makes a
/// request.
fn lambda_environment(
    settings: &FunctionSettings,
    credentials: &WorkerCredentials,
    runtime_api: SocketAddr,
) -> [(&'static str, String); 14] {
    let name = settings.name.clone();
    [
        ("AWS_ACCESS_KEY_ID", credentials.access_key_id.clone()),
        ("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key.clone()),
        ("AWS_SESSION_TOKEN", credentials.session_token.clone()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023".to_owned()),
        ("AWS_LAMBDA_RUNTIME_API", runtime_api.to_string()),
        ("AWS_LAMBDA_FUNCTION_NAME", name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", settings.memory_mb.to_string()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}")),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "local".to_owned()),
        ("TZ", ":UTC".to_owned()),
    ]
}

/// Copies the output of a process to the logs.
#[derive(Clone)]
struct OutputReader {
    settings: Arc<FunctionSettings>,
    channel: Arc<WorkerChannel>,
    logs: FunctionLogs,
}

impl OutputReader {
    /// Reads stdout and stderr of the process until they close.
    fn spawn(self, child: &mut Child) -> Vec<JoinHandle<()>> {
        let out = child.stdout.take().map(|pipe| tokio::spawn(self.clone().read(pipe)));
        let err = child.stderr.take().map(|pipe| tokio::spawn(self.read(pipe)));
        out.into_iter().chain(err).collect()
    }

    async fn read(self, pipe: impl AsyncRead + Unpin) {
        let mut lines = BufReader::new(pipe).split(b'\n');
        while let Ok(Some(line)) = lines.next_segment().await {
            self.logs.push(LogLine {
                function: self.settings.name.clone(),
                request_id: self.channel.request_id(),
                text: String::from_utf8_lossy(&line).into_owned(),
            });
        }
    }
}
