//! A block of a matrix product held in registers.
//!
//! `R` rows by `V` vectors of sums stay in registers while the kernel walks along the inner dimension: per step it
//! loads `V` vectors of packed weights and broadcasts one value of each row. Rows are read where they lie, so that a
//! convolution needs no copy of its input: a tap is a place in the input from which a run of values is read.

#![expect(clippy::inline_always, reason = "code takes on the vector extension of its caller")]
#![expect(unsafe_code, reason = "vector instructions and raw rows; safe above `Packed::multiply`")]

use super::Isa;

/// A run of the inner dimension that lies contiguous in the input.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tap {
    /// Where the run of output row 0 begins in the input.
    pub(crate) offset: usize,
    /// The first row of the weights it multiplies.
    pub(crate) row: usize,
}

/// What one call of a kernel does; the pointers are valid for all that the other fields imply.
#[derive(Clone, Copy)]
struct Job<'a> {
    /// Input of output row 0 at offset 0; row `r` begins `r * stride` later.
    source: *const f32,
    stride: usize,
    taps: &'a [Tap],
    /// Length of every tap.
    run: usize,
    /// One row of the bias, then the rows of the weights, each of the panel's width.
    panel: *const f32,
    out: *mut f32,
    out_stride: usize,
    /// Rows and columns that exist; the rest of the block is computed and dropped.
    rows: usize,
    columns: usize,
}

/// The rows of a block.
const fn block_rows(isa: Isa) -> usize {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => 8,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => 4,
        Isa::Portable => 2,
    }
}

const fn lanes(isa: Isa) -> usize {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => 8,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => 16,
        Isa::Portable => 16,
    }
}

/// The vector operations of a kernel.
///
/// # Safety
/// Every function needs the instruction set of the implementing type; pointers point to `LANES` floats.
unsafe trait Vector: Copy {
    const LANES: usize;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn add_product(self, value: *const f32, weights: Self) -> Self;
    unsafe fn store(self, to: *mut f32, count: usize);
}

/// # Safety
/// `job` as described there, and the instruction set of `X` present.
#[inline(always)]
unsafe fn block<X: Vector, const R: usize, const V: usize>(job: Job<'_>) {
    // SAFETY: rows beyond the last read the last one again; columns beyond the last are zero weights in the panel,
    // and `store` drops them.
    unsafe {
        let width = V * X::LANES;
        let mut starts = [job.source; R];
        for (r, start) in starts.iter_mut().enumerate() {
            *start = job.source.add(r.min(job.rows - 1) * job.stride);
        }
        let mut bias = [X::load(job.panel); V];
        for (v, bias) in bias.iter_mut().enumerate() {
            *bias = X::load(job.panel.add(v * X::LANES));
        }
        let mut sums = [bias; R];
        for tap in job.taps {
            let mut weights = job.panel.add((1 + tap.row) * width);
            let mut rows = starts;
            for row in &mut rows {
                *row = row.add(tap.offset);
            }
            for k in 0..job.run {
                let mut vectors = [X::load(weights); V];
                for (v, vector) in vectors.iter_mut().enumerate() {
                    *vector = X::load(weights.add(v * X::LANES));
                }
                for r in 0..R {
                    for v in 0..V {
                        sums[r][v] = sums[r][v].add_product(rows[r].add(k), vectors[v]);
                    }
                }
                weights = weights.add(width);
            }
        }
        for (r, sums) in sums.iter().enumerate().take(job.rows) {
            let out = job.out.add(r * job.out_stride);
            for (v, sum) in sums.iter().enumerate() {
                let at = v * X::LANES;
                if at < job.columns {
                    sum.store(out.add(at), (job.columns - at).min(X::LANES));
                }
            }
        }
    }
}

/// # Safety
/// As `block`.
#[inline(always)]
unsafe fn blocks<X: Vector, const R: usize>(job: Job<'_>, vectors: usize) {
    // SAFETY: the caller's.
    unsafe {
        match vectors {
            1 => block::<X, R, 1>(job),
            2 => block::<X, R, 2>(job),
            _ => block::<X, R, 3>(job),
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256, __m512, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_storeu_ps,
        _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_mask_storeu_ps, _mm512_set1_ps, _mm512_storeu_ps,
    };

    use super::{Job, Vector, blocks};

    // SAFETY: AVX-512F instructions only.
    unsafe impl Vector for __m512 {
        const LANES: usize = 16;
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: the caller's.
            unsafe { _mm512_loadu_ps(from) }
        }
        #[inline(always)]
        unsafe fn add_product(self, value: *const f32, weights: Self) -> Self {
            // SAFETY: the caller's.
            unsafe { _mm512_fmadd_ps(_mm512_set1_ps(*value), weights, self) }
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32, count: usize) {
            // SAFETY: the caller's; the mask keeps what lies beyond `count`.
            unsafe {
                if count == 16 {
                    _mm512_storeu_ps(to, self);
                } else {
                    _mm512_mask_storeu_ps(to, (1 << count) - 1, self);
                }
            }
        }
    }

    // SAFETY: AVX and FMA instructions only.
    unsafe impl Vector for __m256 {
        const LANES: usize = 8;
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: the caller's.
            unsafe { _mm256_loadu_ps(from) }
        }
        #[inline(always)]
        unsafe fn add_product(self, value: *const f32, weights: Self) -> Self {
            // SAFETY: the caller's.
            unsafe { _mm256_fmadd_ps(_mm256_set1_ps(*value), weights, self) }
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32, count: usize) {
            // SAFETY: the caller's; only `count` floats are written.
            unsafe {
                if count == 8 {
                    _mm256_storeu_ps(to, self);
                } else {
                    let mut values = [0.0_f32; 8];
                    _mm256_storeu_ps(values.as_mut_ptr(), self);
                    std::ptr::copy_nonoverlapping(values.as_ptr(), to, count);
                }
            }
        }
    }

    /// # Safety
    /// As `block`.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    pub(super) unsafe fn wide(job: Job<'_>, vectors: usize) {
        // SAFETY: the caller's.
        unsafe { blocks::<__m512, 8>(job, vectors) }
    }

    /// # Safety
    /// As `block`.
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn middle(job: Job<'_>, vectors: usize) {
        // SAFETY: the caller's.
        unsafe { blocks::<__m256, 4>(job, vectors) }
    }
}

// SAFETY: no instruction beyond the target's.
unsafe impl Vector for [f32; 16] {
    const LANES: usize = 16;
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's.
        unsafe { from.cast::<Self>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn add_product(mut self, value: *const f32, weights: Self) -> Self {
        // SAFETY: the caller's.
        let value = unsafe { *value };
        for (sum, weight) in self.iter_mut().zip(weights) {
            *sum += value * weight;
        }
        self
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32, count: usize) {
        // SAFETY: the caller's.
        unsafe { std::ptr::copy_nonoverlapping(self.as_ptr(), to, count) }
    }
}

/// # Safety
/// As `block`.
unsafe fn call(isa: Isa, job: Job<'_>, vectors: usize) {
    // SAFETY: the caller's; `isa` has been detected.
    unsafe {
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => x86::wide(job, vectors),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => x86::middle(job, vectors),
            Isa::Portable => blocks::<[f32; 16], 2>(job, vectors),
        }
    }
}

/// A cache line of floats: keeps the panels aligned.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; 16]);

#[derive(Debug, Clone, Copy)]
struct Panel {
    /// In floats from the start of the data.
    start: usize,
    column: usize,
    vectors: usize,
}

/// A matrix `[inner, columns]` with a bias per column, laid out as the kernel reads it: panels of one to three
/// vectors of columns, each contiguous.
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    isa: Isa,
    inner: usize,
    columns: usize,
    panels: Vec<Panel>,
    lines: Vec<Line>,
}

impl Packed {
    /// Room for a matrix of that size, all zero.
    pub(crate) fn zero(inner: usize, columns: usize) -> Self {
        Self::zero_for(Isa::best(), inner, columns)
    }

    fn zero_for(isa: Isa, inner: usize, columns: usize) -> Self {
        let mut vectors = columns.div_ceil(lanes(isa));
        let (mut panels, mut start, mut column) = (Vec::new(), 0, 0);
        while vectors > 0 {
            // Four are two and two, since one alone keeps the arithmetic units waiting.
            let take = if vectors == 4 { 2 } else { vectors.min(3) };
            panels.push(Panel { start, column, vectors: take });
            start += (1 + inner) * take * lanes(isa);
            start = start.next_multiple_of(16);
            column += take * lanes(isa);
            vectors -= take;
        }
        Self { isa, inner, columns, panels, lines: vec![Line([0.0; 16]); start / 16] }
    }

    /// Packs the matrix whose value in row `k` and column `n` is `weight(k, n)`.
    pub(crate) fn new(
        inner: usize,
        columns: usize,
        bias: impl Fn(usize) -> f32,
        weight: impl Fn(usize, usize) -> f32,
    ) -> Self {
        Self::new_for(Isa::best(), inner, columns, bias, weight)
    }

    fn new_for(
        isa: Isa,
        inner: usize,
        columns: usize,
        bias: impl Fn(usize) -> f32,
        weight: impl Fn(usize, usize) -> f32,
    ) -> Self {
        let mut packed = Self::zero_for(isa, inner, columns);
        for p in 0..packed.panels.len() {
            let Panel { start, column, vectors } = packed.panels[p];
            let width = vectors * lanes(isa);
            let data = packed.floats_mut();
            for n in column..(column + width).min(columns) {
                data[start + n - column] = bias(n);
                for k in 0..inner {
                    data[start + (1 + k) * width + n - column] = weight(k, n);
                }
            }
        }
        packed
    }

    /// Replaces the weights by rows: `row(k)` is `[columns]`.
    pub(crate) fn fill_rows<'a>(&mut self, row: impl Fn(usize) -> &'a [f32]) {
        for p in 0..self.panels.len() {
            let Panel { start, column, vectors } = self.panels[p];
            let width = vectors * lanes(self.isa);
            let end = (column + width).min(self.columns);
            for k in 0..self.inner {
                let at = start + (1 + k) * width;
                self.floats_mut()[at..at + end - column].copy_from_slice(&row(k)[column..end]);
            }
        }
    }

    /// Replaces the weights by columns: `values(n)` is `[inner]`.
    pub(crate) fn fill_columns<'a>(&mut self, values: impl Fn(usize) -> &'a [f32]) {
        let inner = self.inner;
        for p in 0..self.panels.len() {
            let Panel { start, column, vectors } = self.panels[p];
            let width = vectors * lanes(self.isa);
            for n in column..(column + width).min(self.columns) {
                let column_values = &values(n)[..inner];
                let data = &mut self.floats_mut()[start + width..];
                for (k, &value) in column_values.iter().enumerate() {
                    data[k * width + n - column] = value;
                }
            }
        }
    }

    /// Columns of the product.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Output row `r` (`[columns]` at `r * out_stride`) is the bias plus, for every tap, the `run` values of the
    /// source from `tap.offset + r * stride` on times the weights from row `tap.row` on.
    ///
    /// # Panics
    /// When a tap reaches beyond the source or the weights, or a row beyond the output.
    pub(crate) fn multiply(&self, rows: Rows<'_>, out: &mut [f32], out_stride: usize) {
        let Rows { source, stride, taps, run, count } = rows;
        if count == 0 {
            return;
        }
        for tap in taps {
            assert!(tap.row + run <= self.inner, "a tap lies within the weights");
            assert!(tap.offset + (count - 1) * stride + run <= source.len(), "and in the source");
        }
        assert!((count - 1) * out_stride + self.columns <= out.len(), "rows lie in the output");
        assert!(count == 1 || out_stride >= self.columns, "rows do not overlap");
        let step = block_rows(self.isa);
        for panel in &self.panels {
            for r in (0..count).step_by(step) {
                // SAFETY: the assertions above; a panel holds `1 + inner` rows of its width; `isa` was detected.
                unsafe {
                    let job = Job {
                        source: source.as_ptr().add(r * stride),
                        stride,
                        taps,
                        run,
                        panel: self.lines.as_ptr().cast::<f32>().add(panel.start),
                        out: out.as_mut_ptr().add(r * out_stride + panel.column),
                        out_stride,
                        rows: (count - r).min(step),
                        columns: self.columns - panel.column,
                    };
                    call(self.isa, job, panel.vectors);
                }
            }
        }
    }

    fn floats_mut(&mut self) -> &mut [f32] {
        // SAFETY: a `Line` is sixteen floats without padding.
        unsafe {
            std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.lines.len() * 16)
        }
    }
}

/// The left side of a product: where its rows lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// All of the input.
    pub(crate) source: &'a [f32],
    /// From one row to the next.
    pub(crate) stride: usize,
    /// Runs that make up the inner dimension.
    pub(crate) taps: &'a [Tap],
    /// Length of every run.
    pub(crate) run: usize,
    /// Number of rows.
    pub(crate) count: usize,
}

impl<'a> Rows<'a> {
    /// A plain matrix `[count, inner]`.
    pub(crate) fn matrix(source: &'a [f32], inner: usize) -> Self {
        const WHOLE: &[Tap] = &[Tap { offset: 0, row: 0 }];
        Self { source, stride: inner, taps: WHOLE, run: inner, count: source.len() / inner }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (f64::from(state) / f64::from(u32::MAX) * 2.0 - 1.0) as f32
        };
        (0..count).map(|_| next()).collect()
    }

    /// Compares with the sum written out, on every instruction set there is.
    #[track_caller]
    fn check(count: usize, run: usize, columns: usize, taps: &[Tap], stride: usize) {
        let inner = taps.iter().map(|tap| tap.row + run).max().unwrap_or(run);
        let reach = taps.iter().map(|tap| tap.offset).max().unwrap_or(0);
        let source = noise(reach + count * stride + run, 1);
        let (weights, bias) = (noise(inner * columns, 2), noise(columns, 3));
        for isa in Isa::available() {
            let packed =
                Packed::new_for(isa, inner, columns, |n| bias[n], |k, n| weights[k * columns + n]);
            let mut twin = packed.clone();
            twin.fill_columns(|_| &[7.0; 999][..inner]);
            twin.fill_rows(|k| &weights[k * columns..(k + 1) * columns]);
            let out_stride = columns + 3;
            let mut out = vec![9.0; count * out_stride];
            let rows = Rows { source: &source, stride, taps, run, count };
            packed.multiply(rows, &mut out, out_stride);
            let mut again = vec![9.0; count * out_stride];
            twin.multiply(rows, &mut again, out_stride);
            assert_eq!(out, again);
            for r in 0..count {
                for n in 0..columns {
                    let mut sum = f64::from(bias[n]);
                    for tap in taps {
                        for k in 0..run {
                            let x = source[tap.offset + r * stride + k];
                            sum += f64::from(x) * f64::from(weights[(tap.row + k) * columns + n]);
                        }
                    }
                    let got = f64::from(out[r * out_stride + n]);
                    assert!((got - sum).abs() < 1e-4, "{isa:?} {r} {n}: {got} for {sum}");
                }
                let beyond = &out[r * out_stride + columns..(r + 1) * out_stride];
                assert!(beyond.iter().all(|x| x.to_bits() == 9.0_f32.to_bits()));
            }
        }
    }

    #[test]
    fn a_product_is_the_sum_written_out() {
        let whole = [Tap { offset: 0, row: 0 }];
        check(1, 1, 1, &whole, 1);
        check(17, 31, 48, &whole, 31);
        check(9, 64, 64, &whole, 70);
        check(8, 5, 100, &whole, 5);
        check(3, 144, 6, &whole, 144);
    }

    #[test]
    fn taps_are_read_where_they_lie() {
        let taps =
            [Tap { offset: 2, row: 0 }, Tap { offset: 40, row: 8 }, Tap { offset: 9, row: 4 }];
        check(19, 4, 33, &taps, 3);
        check(5, 4, 16, &taps[1..], 4);
    }
}
