//! What one call of a plugin may take.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// What one call may take. Each call has an instance of its own, so that these bound all of it.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long the guest itself may compute, without the time in which the host works for it.
    pub computing: Duration,
    /// How long the host may take for one thing that the guest asks and that changes nothing.
    pub question: Duration,
    /// Bytes of all memories together.
    pub memory: usize,
    /// Elements of all tables together.
    pub tables: usize,
    /// How many things the guest may ask of the host.
    pub questions: u32,
    /// Bytes that may cross in one call of a function, either way.
    pub payload: usize,
    /// Bytes of log lines.
    pub log: usize,
    /// Bytes of a step's outputs.
    pub outputs: usize,
    /// Bytes of all that a runbook declares.
    pub declaration: usize,
    /// Bytes of all that is kept for a step.
    pub kept: usize,
    /// Bytes that one call may have the journal keep.
    pub keeping: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            computing: Duration::from_secs(10),
            question: Duration::from_secs(60),
            memory: 256 << 20,
            tables: 100_000,
            questions: 100_000,
            payload: 32 << 20,
            log: 256 << 10,
            outputs: 1 << 20,
            declaration: 8 << 20,
            kept: 64 << 10,
            keeping: 1 << 20,
        }
    }
}

/// How much of the memories and tables is taken.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    memory_limit: usize,
    table_limit: usize,
    memory: usize,
    tables: usize,
}

impl Taken {
    pub(crate) fn nothing_of(limits: &Limits) -> Self {
        Self {
            memory_limit: limits.memory,
            table_limit: limits.tables,
            memory: 0,
            tables: 0,
        }
    }
}

/// Core instances, memories and tables of one component: adapters of other languages bring a few.
pub(crate) const PARTS: u32 = 64;
pub(crate) const MEMORIES: u32 = 4;
pub(crate) const TABLES: u32 = 16;

impl ResourceLimiter for Taken {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted = self.memory.saturating_add(desired.saturating_sub(current));
        if wanted > self.memory_limit {
            let limit = self.memory_limit >> 20;
            wasmtime::bail!("it wants more than {limit} MiB of memory");
        }
        self.memory = wanted;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted = self.tables.saturating_add(desired.saturating_sub(current));
        if wanted > self.table_limit {
            wasmtime::bail!("it wants tables of more than {} elements", self.table_limit);
        }
        self.tables = wanted;
        Ok(true)
    }

    fn instances(&self) -> usize {
        PARTS as usize
    }

    fn tables(&self) -> usize {
        TABLES as usize
    }

    fn memories(&self) -> usize {
        MEMORIES as usize
    }
}
