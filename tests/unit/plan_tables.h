/*
 * plan_tables: what a careful reader finds in eight real plans, line by line:
 *   phase <line> <number> <name> | <duration> | <needs> | <tasks>, <criteria>
 *         | <gate items> (<line of the first>)
 *   task <line> <id> <name> | <time> | <needs> | <criteria> (<ticked>)
 */
#ifndef TESTS_PLAN_TABLES_H
#define TESTS_PLAN_TABLES_H

/* clang-format off */
#define PLAN_T1 \
    "phase 16 1 Core Infrastructure | 6-8 hours | — | 2, 15 | 5 (50)\n" \
    "task 24 1.1 Create data models for dynamic workflows | 2 hours | none | 6 (6)\n" \
    "task 35 1.2 Create SourceParser interface and SpecTasksParser | 4-5 hours | 1.1 | 9 (9)\n" \
    "phase 58 2 Dynamic Content Registry | 4-6 hours | — | 2, 16 | 6 (93)\n" \
    "task 66 2.1 Create DynamicContentRegistry class | 3-4 hours | 1.1, 1.2 | 10 (10)\n" \
    "task 81 2.2 Implement template rendering logic | 1-2 hours | 2.1 | 6 (6)\n" \
    "phase 102 3 Session-Scoped Refactor | 4-6 hours | — | 2, 20 | 6 (141)\n" \
    "task 110 3.1 Create WorkflowSession class | 3-4 hours | 2.1 | 11 (11)\n" \
    "task 126 3.2 Refactor WorkflowEngine to session factory | 1-2 hours | 3.1 | 9 (9)\n" \
    "phase 150 4 Integration & Testing | 4-6 hours | — | 5, 30 | 8 (214)\n" \
    "task 158 4.1 Extend WorkflowMetadata for dynamic support | 1 hour | none | 6 (6)\n" \
    "task 169 4.2 Update spec_execution_v1 metadata.json | 30 minutes | 4.1 | 4 (4)\n" \
    "task 178 4.3 Create end-to-end integration test | 2-3 hours | phases 1–3 | 8 (8)\n" \
    "task 191 4.4 Create backward compatibility test suite | 1-2 hours | 3.2 | 5 (5)\n" \
    "task 201 4.5 Performance and memory profiling | 1 hour | 4.3 | 7 (7)\n"

#define PLAN_T2 \
    "phase 20 1 Workflow Structure and Metadata | 3-4 hours | — | 3, 13 | 0\n" \
    "task 28 1.1 Create workflow directory structure | — | — | 3 (3)\n" \
    "task 39 1.2 Create metadata.json | — | — | 5 (5)\n" \
    "task 54 1.3 Test workflow registration | — | — | 5 (5)\n" \
    "phase 69 2 Phase Content Creation | 8-12 hours | — | 6, 37 | 0\n" \
    "task 77 2.1 Create Phase 0 content (Supporting Documents) | — | — | 7 (7)\n" \
    "task 96 2.2 Create Phase 1 content (Requirements) | — | — | 6 (6)\n" \
    "task 115 2.3 Create Phase 2 content (Technical Design) | — | — | 6 (6)\n" \
    "task 135 2.4 Create Phase 3 content (Task Breakdown) | — | — | 6 (6)\n" \
    "task 154 2.5 Create Phase 4 content (Implementation Guidance) | — | — | 6 (6)\n" \
    "task 172 2.6 Create Phase 5 content (Finalization) | — | — | 6 (6)\n" \
    "phase 191 3 Validation Logic Implementation | 3-4 hours | — | 4, 16 | 0\n" \
    "task 199 3.1 Implement Phase 0 validation | — | — | 4 (0)\n" \
    "task 212 3.2 Implement Phase 1 validation | — | — | 4 (0)\n" \
    "task 226 3.3 Implement Phase 2-5 validation | — | — | 4 (0)\n" \
    "task 239 3.4 Integrate validation with complete_phase | — | — | 4 (0)\n" \
    "phase 254 4 Testing, Dogfooding, and Documentation | 4-6 hours | — | 5, 24 | 0\n" \
    "task 262 4.1 Create unit tests | — | — | 5 (0)\n" \
    "task 277 4.2 Create integration tests | — | — | 5 (0)\n" \
    "task 291 4.3 Dogfood workflow on praxis-os | — | — | 5 (0)\n" \
    "task 306 4.4 Update documentation | — | — | 5 (0)\n" \
    "task 321 4.5 Update README and announce | — | — | 4 (0)\n"

#define PLAN_T3 \
    "phase 32 1 Foundation & Core Components | Week 1 (5-7 days) | — | 8, 51 | 4 (833)\n" \
    "task 40 1.1 Create Workflow Directory Structure | 1 hour | none | 5 (0)\n" \
    "task 61 1.2 Implement State Manager Enhancements | 1 day | none | 7 (0)\n" \
    "task 84 1.3 Implement Backup Manager | 1.5 days | none | 7 (0)\n" \
    "task 107 1.4 Implement Validation Module | 1.5 days | none | 7 (0)\n" \
    "task 130 1.5 Implement Dependency Installer | 1 day | none | 6 (0)\n" \
    "task 152 1.6 Implement Server Manager | 0.5 days | 1.4 | 7 (0)\n" \
    "task 175 1.7 Implement Report Generator | 0.5 days | none | 6 (0)\n" \
    "task 197 1.8 Create Data Models | 0.5 days | none | 6 (0)\n" \
    "phase 219 2 Workflow Execution Phases 0-1 | Week 2 (Days 8-10) | — | 6, 33 | 4 (843)\n" \
    "task 227 2.1 Write Phase 0 Workflow Definition | 2 hours | 1.1 | 7 (0)\n" \
    "task 249 2.2 Write Phase 1 Workflow Definition | 2 hours | 1.1 | 6 (0)\n" \
    "task 270 2.3 Implement Phase 0 Validation Logic | 1 day | 1.2, 1.4, 1.8, 2.1 | 5 (0)\n" \
    "task 291 2.4 Implement Phase 1 Backup Logic | 1 day | 1.2, 1.3, 1.8, 2.2 | 6 (0)\n" \
    "task 314 2.5 Integration Test: Phases 0-1 | 0.5 days | 2.3, 2.4 | 6 (0)\n" \
    "task 335 2.6 Create Phase 0-1 Supporting Docs | 1 hour | 2.1, 2.2 | 3 (0)\n" \
    "phase 353 3 Workflow Execution Phases 2-3 | Week 2-3 (Days 11-15) | — | 7, 44 | 4 (853)\n" \
    "task 361 3.1 Write Phase 2 Workflow Definition | 2 hours | 1.1 | 7 (0)\n" \
    "task 383 3.2 Write Phase 3 Workflow Definition | 3 hours | 1.1 | 8 (0)\n" \
    "task 406 3.3 Implement Phase 2 Content Upgrade Logic | 1.5 days | 1.2, 1.8, 3.1 | 7 (0)\n" \
    "task 430 3.4 Implement Phase 3 Server Upgrade Logic | 2 days | 1.2, 1.5, 1.6, 1.8, 3.2 | 7 (0)\n" \
    "task 454 3.5 Implement Workflow Resume Logic | 1 day | 1.2, 3.4 | 6 (0)\n" \
    "task 477 3.6 Integration Test: Phases 2-3 with Restart | 1 day | 3.3, 3.4, 3.5 | 6 (0)\n" \
    "task 498 3.7 Update Supporting Docs for Phases 2-3 | 1 hour | 3.1, 3.2 | 3 (0)\n" \
    "phase 516 4 Workflow Execution Phases 4-5 & Rollback | Week 3-4 (Days 16-21) | — | 6, 41 | 4 (863)\n" \
    "task 524 4.1 Write Phase 4 Workflow Definition | 2 hours | 1.1 | 6 (0)\n" \
    "task 545 4.2 Write Phase 5 Workflow Definition | 1.5 hours | 1.1 | 6 (0)\n" \
    "task 566 4.3 Implement Phase 4 Validation Logic | 1.5 days | 1.2, 1.4, 1.8, 4.1 | 8 (0)\n" \
    "task 591 4.4 Implement Phase 5 Cleanup Logic | 1 day | 1.2, 1.3, 1.7, 1.8, 4.2 | 6 (0)\n" \
    "task 614 4.5 Implement Rollback Procedure | 1.5 days | 1.2, 1.3, 1.6, 4.3 | 9 (0)\n" \
    "task 639 4.6 Integration Test: Full Workflow & Rollback | 1.5 days | 4.3, 4.4, 4.5 | 6 (0)\n" \
    "phase 661 5 Testing, Documentation & Refinement | Week 4-5 (Days 22-30) | — | 7, 46 | 7 (873)\n" \
    "task 669 5.1 Dogfooding Test 1 - prAxIs OS | 0.5 days | phase 4 | 6 (0)\n" \
    "task 690 5.2 Dogfooding Test 2 - Python SDK Project | 0.5 days | phase 4 | 6 (0)\n" \
    "task 711 5.3 Refinement Based on Dogfooding | 2 days | 5.1, 5.2 | 5 (0)\n" \
    "task 733 5.4 Create User Documentation | 1 day | 5.1, 5.2 | 6 (0)\n" \
    "task 756 5.5 Update MCP Server Update Guide | 0.5 days | 5.4 | 5 (0)\n" \
    "task 776 5.6 Performance Testing & Optimization | 1 day | 5.1, 5.2 | 10 (0)\n" \
    "task 802 5.7 Final Testing & Release Preparation | 2 days | all earlier tasks | 8 (0)\n"

#define PLAN_T4 \
    "phase 21 1 Foundation & Infrastructure | 4-6 hours | — | 4, 37 | 7 (142)\n" \
    "task 29 1.1 Reorganize Directory Structure | 1.5-2 hours | none | 9 (9)\n" \
    "task 56 1.2 Implement Type Badge System | 1.5-2 hours | 1.1 | 9 (9)\n" \
    "task 77 1.3 Create Divio Compliance Validation Script | 2-3 hours | 1.1, 1.2 | 10 (10)\n" \
    "task 109 1.4 Create Link Validation Module | 1.5-2 hours | 1.1 | 9 (9)\n" \
    "phase 158 2 Tutorial Content Creation | 8-10 hours | — | 2, 23 | 7 (254)\n" \
    "task 166 2.1 Write Tutorial 1 - \"Your First prAxIs OS Project\" | 5-6 hours (includes writing, testing with users, iteration) | phase 1 | 13 (11)\n" \
    "task 211 2.2 Write Tutorial 2 - \"Understanding prAxIs OS Workflows\" | 3-4 hours (includes writing, testing, iteration) | 2.1 | 10 (8)\n" \
    "phase 270 3 How-To Guide Content Creation | 10-13 hours | — | 5, 48 | 6 (435)\n" \
    "task 278 3.1 Write How-To - \"Create Custom Workflows\" | 2.5-3 hours | phase 2 | 8 (7)\n" \
    "task 311 3.2 Write How-To - \"Integrate prAxIs OS with CI/CD\" | 2-2.5 hours | phase 1 | 10 (9)\n" \
    "task 339 3.3 Write How-To - \"Debug Workflow Failures\" | 2-2.5 hours | phase 2 | 10 (9)\n" \
    "task 371 3.4 Write How-To - \"Customize Documentation Theme\" | 1.5-2 hours | phase 1 | 10 (9)\n" \
    "task 400 3.5 Write How-To - \"Migrate Existing Docs to Divio\" | 2.5-3 hours | phases 1–2 | 10 (9)\n" \
    "phase 450 4 Reference & Explanation Reorganization | 6-8 hours | — | 4, 30 | 8 (587)\n" \
    "task 458 4.1 Enhance `mcp-tools.md` Reference Documentation | 2.5-3 hours | phase 1 | 8 (8)\n" \
    "task 491 4.2 Refactor `how-it-works.md` into Explanation Content | 2-2.5 hours | 2.1 | 9 (9)\n" \
    "task 523 4.3 Enhance `standards.md` and `workflows.md` Reference Documentation | 1.5-2 hours | phase 1 | 5 (5)\n" \
    "task 553 4.4 Create `architecture.md` Explanation Documentation | 2-2.5 hours | none | 8 (8)\n" \
    "phase 604 5 Search Integration | 2-3 hours | — | 1, 12 | 5 (654)\n" \
    "task 612 5.1 Configure Algolia DocSearch | 2-3 hours | phases 1–4 | 12 (0)\n" \
    "phase 668 6 Validation Automation & Finalization | 2.5-3.5 hours | — | 3, 11 | 5 (767)\n" \
    "task 676 6.1 Create Pre-Commit Validation Hooks | 1-1.5 hours | phase 1 | 7 (7)\n" \
    "task 709 6.2 Create GitHub Actions CI/CD Validation Pipeline | — | — | 0 (0)\n" \
    "task 719 6.3 Generate Migration Report | 1-1.5 hours | phases 1–5 | 4 (4)\n"

#define PLAN_T5 \
    "phase 19 1 Core Components Implementation | 8-10 hours | — | 7, 59 | 10 (632)\n" \
    "task 27 1.1 Implement PortManager | — | — | 10 (10)\n" \
    "task 49 1.2 Implement ProjectInfoDiscovery | — | — | 9 (9)\n" \
    "task 70 1.3 Implement TransportManager | — | — | 10 (10)\n" \
    "task 93 1.4 Update Entry Point (__main__.py) | — | 1.1, 1.2, 1.3 | 10 (10)\n" \
    "task 123 1.5 Update Configuration Schema | — | — | 8 (8)\n" \
    "task 140 1.6 Add get_server_info MCP Tool | — | 1.2 | 9 (9)\n" \
    "task 160 1.7 Update .gitignore | — | — | 3 (3)\n" \
    "phase 171 2 Integration & Testing | 6-8 hours | — | 7, 48 | 7 (646)\n" \
    "task 179 2.1 Write Unit Tests for PortManager (✅ Completed in Phase 1) | — | — | 7 (7)\n" \
    "task 202 2.2 Write Unit Tests for ProjectInfoDiscovery (✅ Completed in Phase 1) | — | — | 7 (7)\n" \
    "task 223 2.3 Write Unit Tests for TransportManager (✅ Completed in Phase 1) | — | — | 6 (6)\n" \
    "task 239 2.4 Write Integration Tests for Dual Transport (4 tests passing) | — | 1.4 | 9 (0)\n" \
    "task 261 2.5 Write Integration Tests for Multi-Project (4 tests passing) | — | 1.4 | 6 (6)\n" \
    "task 278 2.6 Write Error Scenario Tests (12 tests passing) | — | 1.4 | 6 (0)\n" \
    "task 294 2.7 Validate Thread Safety (7 tests passing, limitations documented) | — | 1.4 | 7 (0)\n" \
    "phase 315 3 Sub-Agent Support & Documentation | 4-6 hours | — | 6, 40 | 8 (657)\n" \
    "task 323 3.1 Create Sub-Agent Discovery Utility (28 tests passing, 94.67% coverage) | — | 1.1 | 8 (0)\n" \
    "task 341 3.2 Create Sub-Agent Integration Example (17 tests passing, 68.54% coverage) | — | 3.1 | 8 (0)\n" \
    "task 359 3.3 Update IDE Configuration Documentation (comprehensive guide created) | — | — | 6 (0)\n" \
    "task 374 3.4 Update README and Documentation (README + CHANGELOG updated) | — | — | 7 (0)\n" \
    "task 392 3.5 Create Sub-Agent Integration Guide (comprehensive guide created) | — | — | 6 (0)\n" \
    "task 409 3.6 Create Troubleshooting Guide (comprehensive guide created) | — | — | 5 (0)\n" \
    "phase 426 4 Rollout & Monitoring | 2-3 hours | — | 4, 25 | 11 (669)\n" \
    "task 434 4.1 Pre-Merge Validation | — | phases 1–3 | 8 (8)\n" \
    "task 467 4.2 Merge to Main Branch | — | — | 6 (0)\n" \
    "task 494 4.3 Update Installation Instructions | — | — | 5 (5)\n" \
    "task 513 4.4 Announce and Monitor | — | — | 6 (0)\n"

#define PLAN_T6 \
    "phase 20 1 Core Thread Safety Implementation | 4-6 hours | none | 4, 25 | 3 (35)\n" \
    "task 43 1.1 Remove Metadata Cache from WorkflowEngine | 0 hours (COMPLETED ✅) | — | 5 (0)\n" \
    "task 66 1.2 Add Thread-Safe Session Cache to WorkflowEngine | 2-3 hours | none | 7 (0)\n" \
    "task 120 1.3 Fix RAGEngine Locking Consistency | 1-2 hours | none | 7 (0)\n" \
    "task 173 1.4 Add Thread-Safe Checkpoint Cache | 1-2 hours | none | 6 (0)\n" \
    "phase 220 2 Observability & Monitoring | 2-3 hours | phase 1 | 3, 18 | 3 (234)\n" \
    "task 242 2.1 Implement CacheMetrics Class | 1 hour | none | 6 (0)\n" \
    "task 293 2.2 Integrate Metrics into WorkflowEngine | 1 hour | 1.2, 2.1 | 7 (0)\n" \
    "task 321 2.3 Add Logging for Race Detection | 30 minutes | 2.2 | 5 (0)\n" \
    "phase 346 3 Testing & Validation | 4-6 hours | phase 1 | 5, 34 | 3 (361)\n" \
    "task 369 3.1 Unit Test - Concurrent Session Creation | 2 hours | 1.2 | 8 (0)\n" \
    "task 417 3.2 Unit Test - RAGEngine Cache Safety | 1 hour | 1.3 | 6 (0)\n" \
    "task 467 3.3 Unit Test - CheckpointLoader Thread Safety | 1 hour | 1.4 | 6 (0)\n" \
    "task 495 3.4 Integration Test - Dual Transport Concurrent Access | 2 hours | phase 1 | 7 (0)\n" \
    "task 524 3.5 Benchmark Tests - Performance Regression Detection | 1-2 hours | phase 1 | 7 (0)\n" \
    "phase 552 4 Documentation & Deployment | 2-3 hours | phases 1–3 | 3, 20 | 3 (566)\n" \
    "task 574 4.1 Update Docstrings | 1 hour | phase 1 | 7 (0)\n" \
    "task 604 4.2 Create Deployment Guide | 1 hour | phases 1–3 | 9 (0)\n" \
    "task 634 4.3 Update Monitoring Setup | 1 hour | 2.2 | 4 (0)\n"

#define PLAN_T7 \
    "phase 25 1 Enable Core Validation | 8 hours | none | 7, 21 | 0\n" \
    "task 41 1.1 Enable Validation in Session Manager | 30 minutes | — | 3 (0)\n" \
    "task 70 1.2 Implement CheckpointLoader Base | 2 hours | — | 3 (0)\n" \
    "task 112 1.3 Implement YAML Gate Loading | 1.5 hours | — | 3 (0)\n" \
    "task 144 1.4 Implement RAG Fallback | 1 hour | — | 3 (0)\n" \
    "task 174 1.5 Implement Permissive Gate Fallback | 30 minutes | — | 3 (0)\n" \
    "task 202 1.6 Implement ValidatorExecutor | 1.5 hours | — | 3 (0)\n" \
    "task 239 1.7 Implement WorkflowEngine Validation | 1 hour | — | 3 (0)\n" \
    "phase 273 2 Migration Script & Gate Generation | 6 hours | phase 1 | 5, 16 | 0\n" \
    "task 288 2.1 Create Migration Script Structure | 1 hour | — | 3 (0)\n" \
    "task 324 2.2 Implement Workflow Scanning | 30 minutes | — | 3 (0)\n" \
    "task 349 2.3 Implement Checkpoint Parsing | 1.5 hours | — | 3 (0)\n" \
    "task 383 2.4 Implement Gate Generation | 2 hours | — | 3 (0)\n" \
    "task 426 2.5 Run Migration on All Workflows | 1 hour | — | 4 (0)\n" \
    "phase 454 3 workflow_creation_v1 Enhancement | 4 hours | phase 2 | 4, 11 | 0\n" \
    "task 469 3.1 Create Task 4 - Generate Gates | 1.5 hours | — | 3 (0)\n" \
    "task 503 3.2 Create Task 5 - Validate Consistency | 1 hour | — | 2 (0)\n" \
    "task 534 3.3 Update Phase 2 Metadata | 30 minutes | — | 3 (0)\n" \
    "task 554 3.4 Test Auto-Generation | 1 hour | — | 3 (0)\n" \
    "phase 578 4 Testing & Validation | 10 hours | phases 1–3 | 6, 17 | 0\n" \
    "task 594 4.1 Unit Tests - CheckpointLoader | 2 hours | — | 3 (0)\n" \
    "task 631 4.2 Unit Tests - ValidatorExecutor | 1.5 hours | — | 3 (0)\n" \
    "task 660 4.3 Integration Tests - Complete Phase Flow | 2 hours | — | 3 (0)\n" \
    "task 689 4.4 Performance Tests | 2 hours | — | 3 (0)\n" \
    "task 718 4.5 Security Tests | 1.5 hours | — | 3 (0)\n" \
    "task 747 4.6 Regression Tests | 1 hour | — | 2 (0)\n" \
    "phase 771 5 Deployment & Monitoring | 6 hours | phase 4 | 6, 21 | 0\n" \
    "task 787 5.1 Week 1 Deployment (Lenient) | 2 hours | — | 4 (0)\n" \
    "task 819 5.2 Week 2 Refinement | 2 hours | — | 4 (0)\n" \
    "task 846 5.3 Week 3 Production Ready (Strict) | 1 hour | — | 4 (0)\n" \
    "task 867 5.4 Setup Monitoring | 30 minutes | — | 3 (0)\n" \
    "task 896 5.5 Write Documentation | 30 minutes | — | 3 (0)\n" \
    "task 915 5.6 Rollback Plan Testing | 30 minutes | — | 3 (0)\n"

#define PLAN_T8 \
    "phase 29 1 Core Infrastructure | 16 hours human baseline, 1.5 hours active with prAxIs OS | — | 5, 28 | 8 (134)\n" \
    "task 37 1.1 Create PersonaLauncher class structure | — | — | 5 (0)\n" \
    "task 55 1.2 Implement persona file loading | — | — | 5 (0)\n" \
    "task 72 1.3 Create LLMClient unified interface | — | — | 6 (0)\n" \
    "task 92 1.4 Create MCPClient wrapper | — | — | 6 (0)\n" \
    "task 111 1.5 Implement agentic loop | — | — | 6 (0)\n" \
    "phase 145 2 Tool Integration and File System | 24 hours human baseline, 2.5 hours active with prAxIs OS | — | 9, 49 | 9 (321)\n" \
    "task 153 2.1 Implement invoke_specialist MCP tool | — | 1.5 | 6 (0)\n" \
    "task 172 2.2 Implement tool subset filtering | — | — | 5 (0)\n" \
    "task 189 2.3 Implement write_standard MCP tool | — | — | 7 (0)\n" \
    "task 209 2.4 Implement PersonaLoader utility | — | — | 5 (0)\n" \
    "task 227 2.5 Implement cost calculation | — | — | 4 (0)\n" \
    "task 244 2.6 Implement run() method | — | 1.2, 1.3, 1.4, 1.5, 2.1, 2.2, 2.3, 2.4, 2.5 | 6 (0)\n" \
    "task 265 2.7 Create directory structure | — | — | 4 (0)\n" \
    "task 281 2.8 Security hardening | — | — | 7 (0)\n" \
    "task 301 2.9 Performance optimizations | — | — | 5 (0)\n" \
    "phase 333 3 Base Personas and Testing | 12 hours human baseline, 1.5 hours active with prAxIs OS | — | 6, 36 | 7 (458)\n" \
    "task 341 3.1 Create persona template | — | — | 6 (0)\n" \
    "task 360 3.2 Create database specialist persona | — | 2.7 | 6 (0)\n" \
    "task 379 3.3 Create API specialist persona | — | 2.7 | 6 (0)\n" \
    "task 398 3.4 Create security specialist persona | — | 2.7 | 6 (0)\n" \
    "task 417 3.5 Create testing specialist persona | — | 2.7 | 6 (0)\n" \
    "task 436 3.6 Create unit test suite | — | phases 1–2 | 6 (0)\n" \
    "phase 468 4 Documentation and Polish | 8 hours human baseline, 1 hour active with prAxIs OS | — | 5, 27 | 6 (566)\n" \
    "task 476 4.1 Create persona creation guide | — | — | 6 (0)\n" \
    "task 495 4.2 Create API documentation | — | — | 5 (0)\n" \
    "task 512 4.3 Update architecture documentation | — | — | 4 (0)\n" \
    "task 527 4.4 End-to-end testing | — | 3.2, 3.3, 3.4, 3.5 | 7 (0)\n" \
    "task 547 4.5 Requirements validation | — | phases 1–3 | 5 (0)\n"

#define PLAN_TABLES \
    {"2025-10-07-dynamic-workflow-session-refactor", PLAN_T1}, \
    {"2025-10-07-spec-creation-workflow-v1", PLAN_T2}, \
    {"2025-10-08-agent-os-upgrade-workflow", PLAN_T3}, \
    {"2025-10-10-divio-docs-restructure", PLAN_T4}, \
    {"2025-10-11-mcp-dual-transport", PLAN_T5}, \
    {"2025-10-13-thread-safety-fixes", PLAN_T6}, \
    {"2025-10-20-evidence-validation-system", PLAN_T7}, \
    {"2025-10-22-persona-system-implementation", PLAN_T8}
/* clang-format on */

#endif
