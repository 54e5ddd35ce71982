"""`rollout probe`: ask a real account what nobody outside AWS can know, on a tiny API that is made for it.

| module      | what it holds                                                                     |
|-------------|-----------------------------------------------------------------------------------|
| `access`    | the account as the probe sees it: clients, a clock, a sleep, a caller over HTTPS  |
| `subject`   | what is made, by one name of its own                                              |
| `removal`   | how it is found by that name and tag, and removed                                 |
| `stage`, `alias`, `tags`, `metrics` | how each question is asked                                |
| `questions` | the table: each question, what the product believes, what an answer changes       |
| `running`   | make, ask, remove                                                                 |

The law: only what carries the probe's own name and tag is written to.

(The first step of a plan under heavy traffic is called a probe, too: `plan.probe`. It has nothing to do with this.)
"""
