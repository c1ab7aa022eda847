//! How many guests there are at a time, how many of them compute, and the memory that they are made in.
//!
//! Each call has an instance of its own. What that costs is memory: to map it, to touch it for the first time, to
//! give it back. So instances are made in places that are used again, wiped by wasmtime in between; and few guests
//! compute at a time, so that the place that was left last is still warm when it is taken next. A guest that waits
//! for something that takes its time keeps its place, and lets another one compute.
//!
//! Owns these numbers. A guest that waits for nobody always comes to its end, so that no two wait for each other:
//! what a guest asks for is never another guest's to give.

use tokio::sync::{Semaphore, SemaphorePermit};
use wasmtime::{Enabled, PoolingAllocationConfig};

use crate::{
    Limits,
    limits::{MEMORIES, PARTS, TABLES},
};

/// How many guests can be under way that ask the host for something.
const ASKING: u32 = 64;
/// How many can that reach nothing: each has a thread to itself.
const PURE: u32 = 32;
/// How many guests compute at a time, or wait for a look at a file. The same on every machine: in a simulation it
/// decides who comes first.
const BUSY: usize = 16;
/// How much of an instance's memory is wiped and kept for the next one, instead of given back and mapped anew. Less
/// than a small guest in JavaScript touches, and all that one in Rust does.
const WARM: usize = 1 << 20;

/// The places of a runtime.
pub(crate) struct Pool {
    asking: Semaphore,
    pure: Semaphore,
    busy: Semaphore,
}

impl Pool {
    pub(crate) fn new() -> Self {
        Self {
            asking: Semaphore::new(ASKING as usize),
            pure: Semaphore::new(PURE as usize),
            busy: Semaphore::new(BUSY),
        }
    }

    /// What wasmtime is to have room for: only addresses, until they are used.
    pub(crate) fn room(limits: &Limits) -> PoolingAllocationConfig {
        let places = ASKING + PURE;
        let mut room = PoolingAllocationConfig::new();
        room.total_component_instances(places)
            .total_stacks(places)
            .total_core_instances(places * PARTS)
            .total_memories(places * MEMORIES)
            .total_tables(places * TABLES)
            .max_core_instances_per_component(PARTS)
            .max_memories_per_component(MEMORIES)
            .max_memories_per_module(MEMORIES)
            .max_tables_per_component(TABLES)
            .max_tables_per_module(TABLES)
            // What a call may have is less, and counted as it grows: see `Taken`.
            .max_memory_size(4 << 30)
            .table_elements(limits.tables)
            .linear_memory_keep_resident(WARM)
            .table_keep_resident(WARM)
            .pagemap_scan(Enabled::Auto);
        room
    }

    /// Whether a component is refused because there would be no room for it.
    pub(crate) fn is_too_large(error: &wasmtime::Error) -> bool {
        format!("{error:#}").contains("pooling allocator")
    }

    /// A place for a guest that asks the host, or for one that reaches nothing.
    pub(crate) async fn place(&self, asks: bool) -> Option<SemaphorePermit<'_>> {
        let places = if asks { &self.asking } else { &self.pure };
        places.acquire().await.ok()
    }

    /// A turn to compute.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.busy.acquire().await.ok()
    }
}
