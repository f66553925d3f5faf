"""Model clients: `local` (transformers), `openai` (TGI, vLLM and compatible servers), `replay` (recorded answers)."""
