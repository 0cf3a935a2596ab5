"""Settings of the historian."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class HistorianSettings(BaseModel):
    """How the historian cuts its log and writes its tables."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    segment_bytes: int = Field(
        default=64 << 20, ge=1 << 12, description="A log segment is closed at this size."
    )
    flush_readings: int = Field(
        default=4_000_000,
        ge=0,
        description="Hand over by itself when so many readings are hot; 0: only when asked.",
    )
    flush_bytes: int = Field(
        default=512 << 20,
        ge=0,
        description="Hand over by itself when the hot readings take so much memory; 0: never.",
    )
    row_group_rows: int = Field(
        default=32_768, ge=1, description="Rows of a Parquet row group (cut at no tag border)."
    )
    keep_superseded_s: int = Field(
        default=7 * 86_400,
        ge=0,
        description="Files whose readings a compaction has put elsewhere stay so many seconds: "
        "other engines may still read them.",
    )
    tables_url: str = Field(
        default="",
        description="Where the cold tables lie, such as s3://bucket/site; empty: in the home. "
        "Keys and endpoint come from the environment.",
    )
    cache_bytes: int = Field(
        default=8 << 30,
        ge=0,
        description="With tables elsewhere: so much of what was read is kept on this machine.",
    )
    query_threads: int = Field(default=2, ge=1, description="Threads of a query.")
